package enrich

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/rules"
)

// Stats counts what an engine did since it was opened.
type Stats struct {
	Events     uint64 // log events whose record is a map
	Passed     uint64 // what was passed over because it is no such event
	Indicators uint64 // looked up, also those that the cache knew

	// Events with indicators, by what came out, and those without.
	Hits, Clean, Unknown, Plain uint64

	LateHits   uint64        // found after their alert had passed
	Pending    pending.Stats // what waits for an answer
	OverBudget uint64        // chunks that waited max_wait in vain
	Panics     uint64        // caught, but for those of client and cache
}

// Counts are what an engine did since it was opened, in detail.
type Counts struct {
	Kinds    map[string]uint64    // indicators by kind
	Rules    map[string][3]uint64 // indicators by rule and [misp.Verdict]
	Rejected map[string]uint64    // values that rules took and that were not looked up, by reason
	Waits    misp.Distribution    // seconds that chunks waited for what was not in the cache
}

type counters struct {
	events, passed, indicators atomic.Uint64
	plain                      atomic.Uint64
	verdicts                   [3]atomic.Uint64 // by misp.Verdict
	overBudget                 atomic.Uint64
	waits                      *misp.Histogram
	tallies
}

func (c *counters) open(set *rules.Set) {
	c.waits = misp.NewHistogram(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
	c.tallies.open(set)
}

// add counts what was done for one chunk, and returns how many indicators were
// passed over as they are known to be clean.
func (c *counters) add(b *batch) (skipped uint64) {
	count(&c.events, b.events)
	count(&c.passed, b.passed)
	plain := b.events
	for v, n := range b.verdicts {
		count(&c.verdicts[v], n)
		plain -= n
	}
	count(&c.plain, plain)
	skipped = c.tallies.add(b)
	count(&c.indicators, len(b.indicators)+int(skipped))
	return skipped
}

// count adds n to a counter, which other threads may want as well: an addition
// of nothing would keep them waiting for nothing.
func count(counter *atomic.Uint64, n int) {
	if n > 0 {
		counter.Add(uint64(n))
	}
}

// waited counts a chunk that waited under ctx for answers.
func (c *counters) waited(ctx context.Context, took time.Duration, answers []misp.Answer) {
	c.waits.Observe(took.Seconds())
	if ctx.Err() == context.DeadlineExceeded && slices.Contains(answers, misp.Answer{Reason: misp.Timeout}) {
		c.overBudget.Add(1)
	}
}

// Stats returns the counts. They are read one after the other, while others may
// count.
func (e *Engine) Stats() Stats {
	c := &e.stats
	pending := e.late.queue.Stats()
	return Stats{
		Events:     c.events.Load(),
		Passed:     c.passed.Load(),
		Indicators: c.indicators.Load(),
		Hits:       c.verdicts[misp.Known].Load(),
		Clean:      c.verdicts[misp.Clean].Load(),
		Unknown:    c.verdicts[misp.Unknown].Load(),
		Plain:      c.plain.Load(),
		LateHits:   e.late.found.Load(),
		Pending:    pending,
		OverBudget: c.overBudget.Load(),
		Panics:     e.guard.count.Load() + pending.Panics,
	}
}

// Counts returns the counts by sort, likewise.
func (e *Engine) Counts() Counts {
	c := &e.stats
	return Counts{Kinds: c.byKind(), Rules: c.byRule(e.set), Rejected: c.byReason(), Waits: c.waits.Distribution()}
}

// MetricsListen returns where the options want what the engine counts to be
// served, as HOST:PORT or unix:/PATH; "" is nowhere. The engine does not.
func (e *Engine) MetricsListen() string { return e.metrics }

// Stack returns what answers the engine's look-ups, which it may share with
// other engines. The client is nil if the engine was made by [New].
func (e *Engine) Stack() (*misp.Client, *misp.Cache) { return e.client, e.cache }
