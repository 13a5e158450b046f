package enrich

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
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
	tallies    tallies
	overBudget atomic.Uint64
	waits      *misp.Histogram
}

func (c *counters) open(set *rules.Set) {
	c.tallies.open(set)
	c.waits = misp.NewHistogram(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
}

// waited counts a chunk that waited under ctx for answers.
func (c *counters) waited(ctx context.Context, took time.Duration, answers []misp.Answer) {
	c.waits.Observe(took.Seconds())
	if ctx.Err() == context.DeadlineExceeded && slices.Contains(answers, misp.Answer{Reason: misp.Timeout}) {
		c.overBudget.Add(1)
	}
}

// Stats returns the counts.
func (e *Engine) Stats() Stats {
	t, pending := e.stats.tallies.sum(), e.late.queue.Stats()
	s := Stats{
		Events:     t.events,
		Passed:     t.passed,
		Indicators: t.indicators,
		Hits:       t.verdicts[misp.Known],
		Clean:      t.verdicts[misp.Clean],
		Unknown:    t.verdicts[misp.Unknown],
		LateHits:   e.late.found.Load(),
		Pending:    pending,
		OverBudget: e.stats.overBudget.Load(),
		Panics:     e.guard.count.Load() + pending.Panics,
	}
	s.Plain = s.Events - s.Hits - s.Clean - s.Unknown
	return s
}

// Counts returns the counts by sort.
func (e *Engine) Counts() Counts {
	t := e.stats.tallies.sum()
	c := Counts{
		Kinds:    map[string]uint64{},
		Rules:    map[string][verdicts]uint64{},
		Rejected: map[string]uint64{},
		Waits:    e.stats.waits.Distribution(),
	}
	for _, kind := range ioc.Kinds() {
		c.Kinds[kind.String()] = t.kinds[kind]
	}
	for i, name := range e.set.Rules() {
		c.Rules[name] = t.rules[i]
	}
	for _, r := range t.rejected {
		c.Rejected[r.why] = r.n
	}
	return c
}

// MetricsListen returns where the options want what the engine counts to be
// served, as HOST:PORT or unix:/PATH; "" is nowhere. The engine does not.
func (e *Engine) MetricsListen() string { return e.metrics }

// Stack returns what answers the engine's look-ups, which it may share with
// other engines. The client is nil if the engine was made by [New].
func (e *Engine) Stack() (*misp.Client, *misp.Cache) { return e.client, e.cache }
