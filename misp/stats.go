package misp

import "sync/atomic"

// ClientStats are the counts of a [Client] since it was made.
type ClientStats struct {
	Requests   uint64            // sent to MISP, pages and further tries counted each
	Values     uint64            // asked for, each time
	Held       uint64            // values not asked for, of a MISP that is left alone
	Attributes uint64            // received that were asked for
	Dropped    uint64            // received that were not
	Panics     uint64            // caught
	Errors     map[Reason]uint64 // searches that failed, each try counted
}

type clientStats struct {
	requests, values, held, attributes, dropped atomic.Uint64
	errors                                      [len(reasons)]atomic.Uint64
}

var reasons = [...]Reason{Timeout, Unreachable, Forbidden, RateLimited, ServerError, BadAnswer}

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
	return s
}

// CacheStats are the counts of a [Cache] since it was made.
type CacheStats struct {
	Known, Clean, Unknown uint64 // answers from the cache, by verdict
	Missed                uint64 // values that were not in it
	Joined                uint64 // of those, how many were being asked for already
	Refreshed             uint64 // hits asked for again before their end
	Stale                 uint64 // hits that served past their TTL
	Evicted               uint64 // answers that made room for others
	Overflowed            uint64 // values not asked for, because too many wait
	Panics                uint64 // caught
}

type cacheStats struct {
	found                            [numVerdicts]atomic.Uint64
	missed, joined, refreshed, stale atomic.Uint64
	evicted, overflowed              atomic.Uint64
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

// Stats returns the counts up to now.
func (c *Cache) Stats() CacheStats {
	return CacheStats{
		Known:      c.stats.found[Known].Load(),
		Clean:      c.stats.found[Clean].Load(),
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
