package misp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"

	"fluent-bit-misp/misp/ioc"
)

// It may be due to a value that a search fails: a firewall in front of MISP takes a
// URL for an attack, or MISP meets with a bug. Whoever writes into logs could so have
// MISP left alone, and all other values with it. So before MISP is left alone, it is
// asked for what cannot offend. If it answers that, the values are to blame, and are
// asked for in parts until those are found that fail alone.

// harmless is a value that nothing in front of MISP objects to. It is of a domain
// that is nobody's.
const harmless = "harmless.invalid"

// answersHarmless reports whether a MISP that has just failed at a search answers the
// same for what cannot offend: twice, as of two web servers that take turns one may be
// out of order. Asked is false if that could not be tried.
func (c *Client) answersHarmless(ctx context.Context, s *server, failed *restSearch) (answers, asked bool) {
	r := *failed
	r.Value.OR = []string{harmless}
	r.Limit = 1
	for range 2 {
		if s.refusesMore(ctx) != nil {
			return false, false
		}
		_, err := c.search(ctx, s, &r, func(*row) bool { return false })
		switch {
		case ctx.Err() != nil:
			return false, false
		case err != nil:
			return false, true
		}
	}
	return true, true
}

// mayBeDueToValues reports whether an error is of a sort that a value may cause.
func (e *Error) mayBeDueToValues() bool {
	switch code := e.Status; {
	case code == 0:
		return errors.Is(e.cause, syscall.ECONNRESET) || errors.Is(e.cause, io.EOF) || errors.Is(e.cause, io.ErrUnexpectedEOF)
	case code >= 300 && code < 400, code == http.StatusNotFound, code == http.StatusMethodNotAllowed, code == http.StatusTooManyRequests:
		return false
	}
	return !e.keyRefused
}

// isPlain reports whether a value is of characters that cannot offend.
func isPlain(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '.' && r != ':' && r != '-'
	})
}

// offenders remembers values that failed alone while MISP answered others, so that
// they are kept apart from others the next time.
type offenders struct {
	mu    sync.Mutex
	times map[string]int // how often each has, in a row
}

const maxOffenders = 10_000

// refusedAfter is how often a value has to fail alone until it is refused: what failed
// by chance must not be given up.
const refusedAfter = 5

func (o *offenders) has(indicator ioc.Indicator) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.times[indicator.Key()] > 0
}

// add notes a value, and returns how often it was noted in a row. If there are too
// many, some other is forgotten.
func (o *offenders) add(indicator ioc.Indicator) (times int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := strings.Clone(indicator.Key())
	if o.times == nil {
		o.times = map[string]int{}
	}
	if o.times[key] == 0 && len(o.times) >= maxOffenders {
		for other := range o.times {
			delete(o.times, other)
			break
		}
	}
	o.times[key]++
	return o.times[key]
}

func (o *offenders) forget(indicator ioc.Indicator) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.times, indicator.Key())
}
