// Package metrics shows what engines count to Prometheus, and how they are to
// who asks: it serves /metrics and /healthz.
//
// It counts nothing itself: what the engines have counted anyway is read when
// somebody asks. Its one invariant: whatever happens to the address, or comes in
// over it, the engines go on.
package metrics

import (
	"slices"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/misp"
)

// A Section is a section of the configuration.
type Section struct {
	Name   string // such as filter:misp.0
	Engine *enrich.Engine
	Panics func() uint64 // caught outside of the engine
	Output func() Output // nil if it is a filter
}

// An Output is what a section has sent on.
type Output struct {
	Targets []forward.TargetStats
	Records uint64 // alerts that a target has taken
	Retries uint64 // chunks that are to be sent again
}

// A reading is what was read of a section at one time.
type reading struct {
	name   string
	stats  enrich.Stats
	counts enrich.Counts
	panics uint64

	// What sections share is read of the first one only; then cache is set, and
	// client if there is one.
	client  *misp.ClientStats
	cache   *misp.CacheStats
	entries int

	output *Output // nil if it is a filter
}

// read reads every section that is served.
func (v *server) read() []reading {
	var all []reading
	var seen []*misp.Cache
	for _, s := range v.list() {
		v.run("what "+s.Name+" counts", func() {
			var r reading
			r, seen = s.read(seen)
			all = append(all, r)
		})
	}
	if len(all) > 0 {
		all[0].panics += v.caught.Load()
	}
	return all
}

// read reads a section, and what it shares with others if that is not among
// what was seen already.
func (s *Section) read(seen []*misp.Cache) (reading, []*misp.Cache) {
	r := reading{name: s.Name, stats: s.Engine.Stats(), counts: s.Engine.Counts()}
	r.panics = r.stats.Panics + s.Panics()
	if client, cache := s.Engine.Stack(); !slices.Contains(seen, cache) {
		seen = append(seen, cache)
		r.cache, r.entries = new(cache.Stats()), cache.Len()
		r.panics += r.cache.Panics
		if client != nil {
			r.client = new(client.Stats())
			r.panics += r.client.Panics
		}
	}
	if s.Output != nil {
		r.output = new(s.Output())
	}
	return r, seen
}
