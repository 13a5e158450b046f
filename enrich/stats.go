package enrich

import (
	"sync/atomic"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
)

// Stats counts what an engine did since it was opened.
type Stats struct {
	Events     uint64 // log events whose record is a map
	Passed     uint64 // what was passed over because it is no such event
	Indicators uint64 // looked up, also those that the cache knew

	// Events with indicators, by what came out.
	Hits, Clean, Unknown uint64

	LateHits uint64        // found after their alert had passed
	Pending  pending.Stats // what waits for an answer
}

type counters struct {
	events, passed, indicators atomic.Uint64
	verdicts                   [3]atomic.Uint64 // by misp.Verdict
}

// add counts what was done for one chunk.
func (c *counters) add(b *batch) {
	c.events.Add(uint64(b.events))
	c.passed.Add(uint64(b.passed))
	indicators := len(b.indicators)
	for _, n := range b.extraction.Skipped() {
		indicators += int(n)
	}
	c.indicators.Add(uint64(indicators))
	for v, n := range b.verdicts {
		c.verdicts[v].Add(uint64(n))
	}
}

// Stats returns the counts. They are read one after the other, while others may
// count.
func (e *Engine) Stats() Stats {
	c := &e.stats
	return Stats{
		Events:     c.events.Load(),
		Passed:     c.passed.Load(),
		Indicators: c.indicators.Load(),
		Hits:       c.verdicts[misp.Known].Load(),
		Clean:      c.verdicts[misp.Clean].Load(),
		Unknown:    c.verdicts[misp.Unknown].Load(),
		LateHits:   e.late.found.Load(),
		Pending:    e.late.queue.Stats(),
	}
}
