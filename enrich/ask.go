package enrich

import (
	"context"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// A budget is the time that one chunk may take. Nobody gets exactly to its end:
// on a busy machine whoever waits is woken late.
type budget struct {
	begin time.Time
	wait  time.Duration // 0 is no waiting for MISP at all
}

// spare is the part of a budget that is kept for storing what is not answered,
// and as much again for coming back, a tenth of it up to this each. As long as
// this there always is for storing: a disk that works takes less than a
// thousandth of a second.
const spare = 25 * time.Millisecond

// answers returns a context that ends when it is no use to wait for answers any
// longer.
func (b budget) answers(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, b.begin.Add(b.wait-2*min(b.wait/10, spare)))
}

// storing returns a context that ends when it is no use to wait for the disk
// any longer.
func (b budget) storing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithDeadline(ctx, b.begin.Add(max(b.wait-min(b.wait/10, spare), spare)))
}

// ask asks for the indicators of a chunk that are not in the cache, as long as
// the budget allows. Those of urgent alerts are asked for first.
func (e *Engine) ask(ctx context.Context, b *batch, chunk []byte, budget budget) {
	begin := time.Now()
	ctx, cancel := budget.answers(ctx)
	defer cancel()
	var asked, urgent []ioc.Indicator
	var places []int
	for i := range b.looked {
		looked := &b.looked[i]
		before := len(asked)
		for at := looked.from; at < looked.to; at++ {
			if b.answers[at] == (misp.Answer{}) {
				asked, places = append(asked, b.indicators[at]), append(places, at)
			}
		}
		if len(asked) > before && b.read(chunk, looked.event).RuleLevel >= e.urgentLevel {
			urgent = append(urgent, asked[before:]...)
		}
	}
	answers := make([]misp.Answer, len(asked))
	if len(urgent) > 0 {
		// Asked for without waiting; the look-up of all of them waits.
		ended, cancel := context.WithCancel(ctx)
		cancel()
		e.cache.Lookup(misp.Urgent(ended), urgent, answers[:len(urgent)])
	}
	e.cache.Lookup(ctx, asked, answers)
	if e.wait > 0 {
		e.stats.waited(ctx, time.Since(begin), answers)
	}
	for n, at := range places {
		b.answers[at] = answers[n]
	}
}
