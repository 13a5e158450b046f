package misp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// reserve is how many of limit requests are kept for urgent look-ups.
func reserve(limit int) int {
	if limit < 2 {
		return 0
	}
	return max(1, limit/10)
}

// A pace is max_requests_per_minute: in no minute go more requests than that,
// and a part of them only if they are urgent. Nil is no limit.
type pace struct{ all, others *rate.Limiter }

func newPace(perMinute int) *pace {
	if perMinute <= 0 {
		return nil
	}
	return &pace{all: newLimiter(perMinute), others: newLimiter(perMinute - reserve(perMinute))}
}

// newLimiter lets n requests go in any minute: a few at once, then at equal
// distances as many as are left.
func newLimiter(n int) *rate.Limiter {
	burst := max(1, n/10)
	return rate.NewLimiter(rate.Limit(n-burst+1)/60, burst)
}

// wait waits for one request's turn. It does not wait if ctx would end first.
func (p *pace) wait(ctx context.Context, urgent bool) error {
	if p == nil {
		return nil
	}
	if !urgent {
		if err := p.others.Wait(ctx); err != nil {
			return err
		}
	}
	return p.all.Wait(ctx)
}

// An allowance is what MISP says is left of its own rate limit, which it does
// with every answer if the role has one. The zero allowance is without limit.
type allowance struct {
	mu          sync.Mutex
	left, limit int
	until       time.Time // MISP counts anew then
}

// refuses says why no request is to go, nil if one may.
func (a *allowance) refuses(urgent bool, now time.Time) *Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	wait := a.until.Sub(now)
	if wait <= 0 || a.left > reserve(a.limit) || urgent && a.left > 0 {
		return nil
	}
	return &Error{
		Reason:     RateLimited,
		Problem:    fmt.Sprintf("%d of %d requests are left for the next %v", a.left, a.limit, wait.Round(time.Second)),
		Advice:     adviseRateLimit,
		RetryAfter: wait,
	}
}

// sent counts a request.
func (a *allowance) sent() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left = max(0, a.left-1)
}

// heard reads what the header of an answer says.
func (a *allowance) heard(h http.Header, now time.Time) {
	left, err := strconv.ParseUint(h.Get("X-Rate-Limit-Remaining"), 10, 31)
	if err != nil {
		return
	}
	limit, _ := strconv.ParseUint(h.Get("X-Rate-Limit-Limit"), 10, 31)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left, a.limit = int(left), int(limit)
	a.until = now.Add(min(retryAfter(h), longestRateLimit))
}

// retryAfter reads how long a rate limit lasts; MISP sends the first header,
// what stands in front of it may send the second.
func retryAfter(h http.Header) time.Duration {
	for _, name := range []string{"X-Rate-Limit-Reset", "Retry-After"} {
		if s, err := strconv.ParseUint(h.Get(name), 10, 31); err == nil {
			return time.Duration(s) * time.Second
		}
	}
	return 0
}
