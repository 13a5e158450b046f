package misp

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// A holdoff leaves MISP alone for a while when it does not answer, so that a
// MISP in trouble is not asked for every chunk, and tells the log: once when
// MISP stops answering, at most every logEvery while that lasts, once when it
// answers again.
//
// After a while one request at a time may probe; MISP's answer to it decides.
type holdoff struct {
	name string // of MISP, for the log
	log  *slog.Logger
	now  func() time.Time

	mu       sync.Mutex
	last     *Error    // why MISP does not answer; nil while it does
	since    time.Time // when it stopped
	until    time.Time // when the next probe may go
	probing  bool      // one is under way
	failures int       // in a row, counting a probe each
	logged   map[Reason]time.Time
}

const (
	logEvery         = 10 * time.Minute
	firstHoldoff     = time.Second
	longestHoldoff   = 30 * time.Second
	forbiddenHoldoff = time.Minute
	longestRateLimit = 15 * time.Minute // MISP counts in windows of that length
)

// A pass lets one request go; it must be given back with leave or cancel.
type pass struct{ probe bool }

// enter asks for a pass. If there is none, the error says why MISP is left
// alone.
func (h *holdoff) enter() (pass, *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		return pass{}, nil
	}
	if h.probing || h.now().Before(h.until) {
		return pass{}, h.last
	}
	h.probing = true
	return pass{probe: true}, nil
}

// cancel gives a pass back that says nothing about MISP.
func (h *holdoff) cancel(p pass) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.probe {
		h.probing = false
	}
}

// leave gives a pass back with what became of the request; err is nil if MISP
// answered.
func (h *holdoff) leave(p pass, err *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.probe {
		h.probing = false
	}
	now := h.now()
	switch {
	case err == nil && h.last == nil:
	case err == nil:
		h.log.Info("MISP at " + h.name + " answers again after " + now.Sub(h.since).Round(time.Second).String())
		h.last, h.failures, h.logged = nil, 0, nil
	case h.last != nil && !p.probe:
		// It set out before MISP was left alone, and says nothing new.
	default:
		if h.last == nil {
			h.since, h.logged = now, map[Reason]time.Time{}
		}
		h.last = err
		h.failures++
		h.until = now.Add(pause(err, h.failures))
		if at, ok := h.logged[err.Reason]; !ok || now.Sub(at) >= logEvery {
			h.logged[err.Reason] = now
			h.log.Error(err.Error())
		}
	}
}

// pause returns how long to leave MISP alone after that many failures.
func pause(err *Error, failures int) time.Duration {
	switch {
	case err.Reason == Forbidden:
		return forbiddenHoldoff // a key does not get better by trying
	case err.Reason == RateLimited && err.RetryAfter > 0:
		return min(err.RetryAfter, longestRateLimit)
	case err.Reason == RateLimited:
		return forbiddenHoldoff
	}
	d := longestHoldoff
	if failures <= 5 {
		d = min(d, firstHoldoff<<(failures-1))
	}
	return d - rand.N(d/4) // many managers must not come back at once
}
