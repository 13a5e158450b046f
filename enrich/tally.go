package enrich

import (
	"sync"
	"sync/atomic"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// A tally is what a batch counts of one chunk by kind, rule and reason. It goes
// to the counters of the engine at once, so that threads seldom meet there.
type tally struct {
	kinds    []uint32 // indicators by ioc.Kind
	rules    []uint32 // indicators by rule and misp.Verdict
	rejected []rejection
}

// A rejection is how many values were passed over for one reason.
type rejection struct {
	why   string
	n     uint64
	total *atomic.Uint64 // of the engine, once there was one
}

// tallies are the counters of an engine that a tally goes to.
type tallies struct {
	kinds, rules []atomic.Uint64

	mu       sync.Mutex // guards the map
	rejected map[string]*atomic.Uint64
}

const verdicts = 3 // that misp.Verdict has

func (t *tallies) open(set *rules.Set) {
	t.kinds = make([]atomic.Uint64, len(ioc.Kinds())+1)
	t.rules = make([]atomic.Uint64, verdicts*len(set.Rules()))
	t.rejected = map[string]*atomic.Uint64{}
}

// reject counts a value that was passed over. The reasons are few, and nearly
// always the first ones.
func (t *tally) reject(_, _ int, _ []byte, why string) { t.rejectMany(why, 1) }

func (t *tally) rejectMany(why string, n uint64) {
	for i := range t.rejected {
		if t.rejected[i].why == why {
			t.rejected[i].n += n
			return
		}
	}
	t.rejected = append(t.rejected, rejection{why: why, n: n})
}

// add counts what was found in a chunk, and the answers for it, and returns how
// many indicators were passed over as they are known to be clean.
func (t *tallies) add(b *batch) (skipped uint64) {
	skipped = t.addSkipped(b)
	local := &b.tally
	if local.kinds == nil {
		local.kinds, local.rules = make([]uint32, len(t.kinds)), make([]uint32, len(t.rules))
	}
	for i := range b.extraction.Found {
		found := &b.extraction.Found[i]
		local.kinds[found.Indicator.Kind()]++
		local.rules[verdicts*found.Rule+int(b.answers[i].Verdict)]++
	}
	// Only what this chunk has is looked at again: there are many rules.
	for i := range b.extraction.Found {
		found := &b.extraction.Found[i]
		flush(t.kinds, local.kinds, int(found.Indicator.Kind()))
		flush(t.rules, local.rules, verdicts*found.Rule+int(b.answers[i].Verdict))
	}
	for i := range local.rejected {
		r := &local.rejected[i]
		if r.n == 0 {
			continue
		}
		if r.total == nil {
			r.total = t.counterOf(r.why)
		}
		r.total.Add(r.n)
		r.n = 0
	}
	return skipped
}

// counterOf returns the counter of a reason.
func (t *tallies) counterOf(why string) *atomic.Uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counter := t.rejected[why]
	if counter == nil {
		counter = &atomic.Uint64{}
		t.rejected[why] = counter
	}
	return counter
}

// addSkipped counts what was passed over because it is settled.
func (t *tallies) addSkipped(b *batch) (indicators uint64) {
	for profile, n := range b.extraction.Skipped() {
		for kind, of := range profile.Kinds() {
			t.kinds[kind].Add(uint64(of * n))
			indicators += uint64(of * n)
		}
		if profile.Rejected > 0 {
			b.tally.rejectMany(profile.Why, uint64(profile.Rejected*n))
		}
	}
	if indicators > 0 {
		for rule, n := range b.extraction.SkippedBy() {
			if n > 0 {
				t.rules[verdicts*rule+int(misp.Clean)].Add(uint64(n))
			}
		}
	}
	return indicators
}

// flush adds the count at a place to the counter there.
func flush(to []atomic.Uint64, from []uint32, at int) {
	if n := from[at]; n > 0 {
		to[at].Add(uint64(n))
		from[at] = 0
	}
}

// byKind returns the indicators by the name of their kind.
func (t *tallies) byKind() map[string]uint64 {
	counts := make(map[string]uint64, len(t.kinds))
	for _, kind := range ioc.Kinds() {
		counts[kind.String()] = t.kinds[kind].Load()
	}
	return counts
}

// byRule returns the indicators by the name of the rule and the verdict.
func (t *tallies) byRule(set *rules.Set) map[string][verdicts]uint64 {
	counts := make(map[string][verdicts]uint64, len(set.Rules()))
	for i, name := range set.Rules() {
		var of [verdicts]uint64
		for v := range of {
			of[v] = t.rules[verdicts*i+v].Load()
		}
		counts[name] = of
	}
	return counts
}

// byReason returns the values that were passed over by the reason.
func (t *tallies) byReason() map[string]uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := make(map[string]uint64, len(t.rejected))
	for why, counter := range t.rejected {
		counts[why] = counter.Load()
	}
	return counts
}
