package misp

import "context"

type urgentKey struct{}

// Urgent marks the look-ups under ctx as urgent: a [Cache] asks for their
// values before others that wait, and a [Client] lets them have the requests
// that it keeps back when few are left.
func Urgent(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgentKey{}, true)
}

func isUrgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) != nil }
