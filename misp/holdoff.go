package misp

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// A holdoff leaves MISP alone for a while when it does not answer, so that a
// MISP in trouble is not asked for every chunk, and tells the log when MISP
// stops answering, with one line for what is to be done and logEvery at most, and
// after such a line when it answers again.
//
// It sets in at once after a failure that will last, and after openAfter in a
// row that may be over with the next request. After a while one request at a
// time may probe; MISP's answer to it decides.
type holdoff struct {
	name string // of MISP, for the log
	log  *slog.Logger
	now  func() time.Time

	mu       sync.Mutex
	last     *Error    // why MISP is left alone; nil while it is not
	failures int       // in a row
	since    time.Time // when the first of them was
	pauses   int       // in a row
	until    time.Time // when the next probe may go
	probing  bool      // one is under way
	told     bool      // the log has a line about them
	logged   map[topic]time.Time
}

// A topic is what the log has a line about: failures, or what is none.
type topic struct {
	reason  Reason
	advice  string // what to do about it, of which there are few
	failure bool
}

const (
	openAfter        = 3
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
	if err := h.why(); err != nil {
		return pass{}, err
	}
	h.probing = h.last != nil
	return pass{probe: h.probing}, nil
}

// held says why there is no pass to be had, nil if there is one.
func (h *holdoff) held() *Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.why()
}

func (h *holdoff) why() *Error {
	if h.probing || h.now().Before(h.until) {
		return h.last
	}
	return nil
}

// open reports whether MISP is left alone, but for probes.
func (h *holdoff) open() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last != nil
}

// state says why MISP is left alone, and since when it fails; nil if it is not
// left alone.
func (h *holdoff) state() (why *Error, since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last, h.since
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
	case err == nil:
		if h.told {
			h.log.Info("MISP at " + h.name + " answers again after " + now.Sub(h.since).Round(time.Second).String())
		}
		h.last, h.failures, h.pauses, h.told = nil, 0, 0, false
	case h.last != nil && !p.probe:
		// It set out before MISP was left alone, and says nothing new.
	default:
		if h.failures == 0 {
			h.since = now
		}
		lasts := h.lasts(err)
		if h.failures++; !lasts {
			return
		}
		h.last = err
		h.pauses++
		h.until = now.Add(pause(err, h.pauses))
		if h.isNews(topic{err.Reason, err.Advice, true}) {
			h.told = true
			h.log.Error(err.Error())
		}
	}
}

// isLast reports whether MISP would be left alone if a request failed so.
func (h *holdoff) isLast(p pass, err *Error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return (h.last == nil || p.probe) && h.lasts(err)
}

// lasts reports whether one more failure is one that will last.
func (h *holdoff) lasts(err *Error) bool {
	return h.last != nil || !err.transient || h.failures+1 >= openAfter
}

// mention logs an error for which MISP is not left alone, at most one for what is to
// be done and logEvery.
func (h *holdoff) mention(err *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isNews(topic{err.Reason, err.Advice, false}) {
		h.log.Warn(err.Error())
	}
}

// isNews reports whether the log had no line about t for logEvery, and notes
// that it has one now.
func (h *holdoff) isNews(t topic) bool {
	now := h.now()
	if at, ok := h.logged[t]; ok && now.Sub(at) < logEvery {
		return false
	}
	if h.logged == nil {
		h.logged = map[topic]time.Time{}
	}
	h.logged[t] = now
	return true
}

// pause returns how long to leave MISP alone, for that many times in a row.
func pause(err *Error, times int) time.Duration {
	switch {
	case err.Reason == Forbidden:
		return forbiddenHoldoff // a key does not get better by trying
	case err.Reason == RateLimited && err.RetryAfter > 0:
		return min(err.RetryAfter, longestRateLimit)
	case err.Reason == RateLimited:
		return forbiddenHoldoff
	}
	d := longestHoldoff
	if times <= 5 {
		d = min(d, firstHoldoff<<(times-1))
	}
	return d - rand.N(d/4) // many managers must not come back at once
}
