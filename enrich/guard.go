package enrich

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// guarded calls f, which a panic of must not end the program, and returns false
// if there was one.
func guarded(log *slog.Logger, what string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			log.Error(fmt.Sprintf("a bug, please report it: panic over %s: %v\n%s", what, p, debug.Stack()))
		}
	}()
	f()
	return true
}

// closeWithin is how long each part of an engine has to end.
const closeWithin = 500 * time.Millisecond

// within calls f and waits for it, but no longer than d.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}
