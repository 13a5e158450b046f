package enrich

import (
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// A batch is the work on one chunk, and keeps its memory for the next.
type batch struct {
	scanner    *event.Scanner
	extraction rules.Extraction
	part       int // of the tallies
	rejected   rejections
	writer     writer

	looked     []lookedAt // the events with indicators, or too much to say that there are none
	indicators []ioc.Indicator
	answers    []misp.Answer
	matches    []match
	open       []*lookedAt // the events that are not answered
	identities *event.Scanner
	edits      []event.Edit
	ends       []int // where the fields of each edit end in the writer

	events, passed int
	end            int    // where the last event ends
	verdicts       [3]int // events by misp.Verdict
}

// A lookedAt is an event of the chunk and the part of the indicators that it
// has.
type lookedAt struct {
	event    event.Event
	from, to int
	cut      bool // it has more of them than are looked up
}

// scan finds the indicators of a chunk.
func (b *batch) scan(e *Engine, chunk []byte) {
	b.extraction.Reset()
	now, purges := e.cache.Moment()
	b.extraction.Skip(e.settled, now, purges)
	b.looked = b.looked[:0]
	b.events, b.end, b.verdicts = 0, 0, [3]int{}
	b.scanner.Reset(chunk)
	for n := event.Kept; n == event.Kept; b.events += n {
		for n = 0; n < event.Kept && b.scanner.Next(); n++ {
			e.set.Choose(b.scanner.Fields(), &b.extraction)
		}
		for before := n - 1; before >= 0; before-- {
			b.take(before)
		}
	}
	b.passed, b.end = b.scanner.Passed(), b.scanner.Event().End
	b.scanner.Reset(nil) // the chunk is the host's
	b.indicators = b.indicators[:0]
	for i := range b.extraction.Found {
		b.indicators = append(b.indicators, b.extraction.Found[i].Indicator)
	}
	if cap(b.answers) < len(b.indicators) {
		b.answers = make([]misp.Answer, len(b.indicators))
	}
	b.answers = b.answers[:len(b.indicators)]
}

// take finds the indicators of the event that many before the last one.
func (b *batch) take(before int) {
	from := len(b.extraction.Found)
	b.extraction.Take()
	if to := len(b.extraction.Found); to > from || b.extraction.Cut {
		b.looked = append(b.looked, lookedAt{b.scanner.Before(before), from, to, b.extraction.Cut})
	} else if b.extraction.Clean {
		b.verdicts[misp.Clean]++
	}
}

// settle notes which values need no look-up for as long as the answers for them
// are kept.
func (b *batch) settle(cache *misp.Cache) {
	b.extraction.Settle(func(from, to int) time.Duration {
		for _, answer := range b.answers[from:to] {
			if answer.Verdict != misp.Clean {
				return 0
			}
		}
		return cache.CleanUntil(b.indicators[from:to])
	})
}

// forget lets go of what the answers point to.
func (b *batch) forget() {
	clear(b.answers)
	clear(b.matches[:cap(b.matches)])
	clear(b.edits)
	b.edits, b.ends, b.open = b.edits[:0], b.ends[:0], b.open[:0]
	b.rejected = b.rejected[:0]
	b.writer.buf = b.writer.buf[:0]
}

// newBatch returns a batch for the paths of a rule set. The addresses of agents
// are learnt where there is somewhere to put them.
func newBatch(paths *event.Paths, agents *rules.Agents) *batch {
	b := &batch{scanner: event.NewScanner(paths)}
	b.extraction.Agents = agents
	b.extraction.Rejected = func(_, _ int, _ []byte, why string) { b.rejected.add(why, 1) }
	return b
}
