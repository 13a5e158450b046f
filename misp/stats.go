package misp

import (
	"context"
	"sync/atomic"
	"time"
)

// ClientStats are the counts of a [Client] since it was made.
type ClientStats struct {
	Requests   uint64            // sent to MISP, pages and further tries counted each
	Values     uint64            // asked for, each time
	Held       uint64            // values not asked for, of a MISP that is left alone
	Attributes uint64            // received that were asked for
	Dropped    uint64            // received that were not
	Panics     uint64            // caught
	Errors     map[Reason]uint64 // searches that failed, each try counted; by [Refused] those whose values are to blame
	Servers    []ServerStats     // in the order in which they are asked
}

// ServerStats are the counts of one of the MISPs that a [Client] asks.
type ServerStats struct {
	URL      string
	Requests map[string]uint64 // by outcome: [OutcomeOK], [OutcomeGivenUp], or the [Reason] of a failure
	Values   Distribution      // values in a request
	Seconds  Distribution      // from sending a request to the end of its answer

	// Held says why MISP is left alone at the moment, nil if it is not; Since,
	// the time of the first failure, may be zero then.
	Held  *Error
	Since time.Time
}

// The outcomes of a request besides failures.
const (
	OutcomeOK      = "ok"
	OutcomeGivenUp = "given_up" // nobody waits for the answer any more
)

type clientStats struct {
	requests, values, held, attributes, dropped atomic.Uint64
	errors                                      [len(reasons)]atomic.Uint64
}

var reasons = [...]Reason{Timeout, Unreachable, Forbidden, RateLimited, ServerError, BadAnswer, Refused}

type serverStats struct {
	requests        [len(reasons) + 2]atomic.Uint64 // by reason, then those that are ok, then those given up
	values, seconds *Histogram
}

func newServerStats() serverStats {
	return serverStats{
		values:  NewHistogram(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000),
		seconds: NewHistogram(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
	}
}

// answered counts a request. The end of ctx is that of those who wait for it.
func (s *serverStats) answered(ctx context.Context, values int, took time.Duration, err *Error) {
	outcome := len(reasons)
	switch {
	case err != nil && ctx.Err() != nil:
		outcome++
	case err != nil:
		for i, reason := range reasons {
			if reason == err.Reason {
				outcome = i
			}
		}
	}
	s.requests[outcome].Add(1)
	s.values.Observe(float64(values))
	s.seconds.Observe(took.Seconds())
}

func (s *server) snapshot() ServerStats {
	stats := ServerStats{
		URL:      s.url,
		Requests: make(map[string]uint64, len(s.stats.requests)),
		Values:   s.stats.values.Distribution(),
		Seconds:  s.stats.seconds.Distribution(),
	}
	for i, reason := range reasons {
		stats.Requests[string(reason)] = s.stats.requests[i].Load()
	}
	stats.Requests[OutcomeOK] = s.stats.requests[len(reasons)].Load()
	stats.Requests[OutcomeGivenUp] = s.stats.requests[len(reasons)+1].Load()
	if stats.Held, stats.Since = s.hold.state(); stats.Held == nil {
		if err := s.allowance.refuses(false, s.now()); err != nil {
			err.URL = s.url
			stats.Held = err
		}
	}
	return stats
}

func (s *clientStats) failed(reason Reason) {
	for i, r := range reasons {
		if r == reason {
			s.errors[i].Add(1)
		}
	}
}

// Stats returns the counts up to now.
func (c *Client) Stats() ClientStats {
	s := ClientStats{
		Requests:   c.stats.requests.Load(),
		Values:     c.stats.values.Load(),
		Held:       c.stats.held.Load(),
		Attributes: c.stats.attributes.Load(),
		Dropped:    c.stats.dropped.Load(),
		Panics:     c.guard.count.Load(),
		Errors:     make(map[Reason]uint64, len(reasons)),
	}
	for i, r := range reasons {
		s.Errors[r] = c.stats.errors[i].Load()
	}
	for _, server := range c.servers {
		s.Servers = append(s.Servers, server.snapshot())
	}
	return s
}

// CacheStats are the counts of a [Cache] since it was made.
type CacheStats struct {
	Known, Clean, Unknown uint64 // answers from the cache, by verdict, but for stale hits
	Missed                uint64 // values that were not in it
	Joined                uint64 // of those, how many were being asked for already
	Refreshed             uint64 // hits asked for again before their end
	Stale                 uint64 // hits that served past their TTL; also for values that had missed
	Evicted               uint64 // answers that made room for others
	Overflowed            uint64 // values not asked for, because too many wait
	Panics                uint64 // caught
}

type cacheStats struct {
	found                            [numVerdicts]atomic.Uint64
	missed, joined, refreshed, stale atomic.Uint64
	evicted, overflowed              atomic.Uint64
	notMade                          spread
}

// A spread is a counter that threads of different numbers add to at once without
// having to wait for each other's line of memory.
type spread [8]struct {
	_ [120]byte
	n atomic.Uint64
}

func (s *spread) add(n uint64, thread int) { s[uint(thread)%uint(len(s))].n.Add(n) }

func (s *spread) load() (sum uint64) {
	for i := range s {
		sum += s[i].n.Load()
	}
	return sum
}

// count adds what a look-up found. One that found nothing of a sort writes
// nothing, which would slow down other threads.
func (s *cacheStats) count(found *[numVerdicts]uint64) {
	for verdict, n := range found {
		if n > 0 {
			s.found[verdict].Add(n)
		}
	}
}

// CountClean counts look-ups that were not made, as [Cache.CleanUntil] has told
// what the cache would answer. Threads that count at once do not hinder each other
// if they have different numbers, from 0 to 7.
func (c *Cache) CountClean(n uint64, thread int) { c.stats.notMade.add(n, thread) }

// Stats returns the counts up to now.
func (c *Cache) Stats() CacheStats {
	return CacheStats{
		Known:      c.stats.found[Known].Load(),
		Clean:      c.stats.found[Clean].Load() + c.stats.notMade.load(),
		Unknown:    c.stats.found[Unknown].Load(),
		Missed:     c.stats.missed.Load(),
		Joined:     c.stats.joined.Load(),
		Refreshed:  c.stats.refreshed.Load(),
		Stale:      c.stats.stale.Load(),
		Evicted:    c.stats.evicted.Load(),
		Overflowed: c.stats.overflowed.Load(),
		Panics:     c.guard.count.Load(),
	}
}
