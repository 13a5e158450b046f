package enrich

import (
	"sync"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// tallies are what an engine counts of chunks, in several parts: a line of memory
// that two processors write to goes to and fro between them, and that takes longer
// than to count. Each batch has a part to begin with.
type tallies [8]struct {
	_ [apart]byte
	sync.Mutex
	tally
}

// apart is how far things must be from each other that processors are not to meet at.
const apart = 128

const verdicts = 3 // that misp.Verdict has

// A tally is a part of them.
type tally struct {
	events, passed, indicators uint64
	verdicts                   [verdicts]uint64 // events by misp.Verdict
	kinds                      [ioc.NumKinds]uint64
	rules                      [][verdicts]uint64 // indicators by rule and misp.Verdict
	rejected                   rejections
}

func (t *tallies) open(set *rules.Set) {
	const room = apart/(8*verdicts) + 1 // that nobody uses
	n := len(set.Rules())
	for i := range t {
		t[i].rules = make([][verdicts]uint64, n, n+room)
	}
}

// add counts what was done for a chunk, and returns how many indicators were passed
// over as they are known to be clean.
func (t *tallies) add(b *batch) (skipped uint64) {
	i := t.lock(b.part)
	defer t[i].Unlock()
	return t[i].add(b)
}

// lock locks a part where nobody is, that one if it can be, and returns which.
func (t *tallies) lock(part int) (locked int) {
	for n := range t {
		if i := (part + n) % len(t); t[i].TryLock() {
			return i
		}
	}
	t[part].Lock()
	return part
}

func (t *tally) add(b *batch) (skipped uint64) {
	skipped = t.addSkipped(&b.extraction)
	t.events += uint64(b.events)
	t.passed += uint64(b.passed)
	t.indicators += uint64(len(b.indicators)) + skipped
	for v, n := range b.verdicts {
		t.verdicts[v] += uint64(n)
	}
	for i := range b.extraction.Found {
		found := &b.extraction.Found[i]
		t.kinds[found.Indicator.Kind()]++
		t.rules[found.Rule][b.answers[i].Verdict]++
	}
	for _, r := range b.rejected {
		t.rejected.add(r.why, r.n)
	}
	return skipped
}

// addSkipped counts what was passed over because it is settled.
func (t *tally) addSkipped(x *rules.Extraction) (indicators uint64) {
	for profile, n := range x.Skipped() {
		for kind, of := range profile.Kinds() {
			t.kinds[kind] += uint64(of * n)
			indicators += uint64(of * n)
		}
		if profile.Rejected > 0 {
			t.rejected.add(profile.Why, uint64(profile.Rejected*n))
		}
	}
	if indicators > 0 {
		for rule, n := range x.SkippedBy() {
			if n > 0 { // of most rules the counts need not come from memory
				t.rules[rule][misp.Clean] += uint64(n)
			}
		}
	}
	return indicators
}

// sum returns what was counted up to now. A chunk is in it with all that was
// counted of it, or not at all.
func (t *tallies) sum() (sum tally) {
	sum.rules = make([][verdicts]uint64, len(t[0].rules))
	for i := range t {
		t[i].Lock()
		sum.merge(&t[i].tally)
		t[i].Unlock()
	}
	return sum
}

func (t *tally) merge(of *tally) {
	t.events += of.events
	t.passed += of.passed
	t.indicators += of.indicators
	for v, n := range of.verdicts {
		t.verdicts[v] += n
	}
	for kind, n := range of.kinds {
		t.kinds[kind] += n
	}
	for rule := range of.rules {
		for v, n := range of.rules[rule] {
			t.rules[rule][v] += n
		}
	}
	for _, r := range of.rejected {
		t.rejected.add(r.why, r.n)
	}
}

// Rejections are how many values were passed over, by the reason. The reasons are
// few, and nearly always the first ones.
type rejections []rejection

type rejection struct {
	why string
	n   uint64
}

func (r *rejections) add(why string, n uint64) {
	for i := range *r {
		if (*r)[i].why == why {
			(*r)[i].n += n
			return
		}
	}
	*r = append(*r, rejection{why, n})
}
