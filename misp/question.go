package misp

import (
	"slices"
	"strings"
	"sync"

	"fluent-bit-misp/misp/ioc"
)

// A question is what one search asks, and what of MISP's rows answers it.
// MISP does not say which value a row was found for, and it finds more than
// was asked: it compares without regard to case and accents, and a value with
// either part of a composite. So each row is taken back to the indicators that
// it holds, in the way in which they were made.
type question struct {
	asked  map[string][]int // folded key of an indicator: where it stands in found
	values []string
	kinds  [256]bool // by ioc.Kind
	found  []findings
	seen   map[int64]bool // the ids of the rows that were taken
	unread int            // rows that cannot be read, whichever value they hold
	buf    ioc.Buffer
}

// newQuestion asks for indicators. A zero Indicator is not asked for.
func newQuestion(indicators []ioc.Indicator) *question {
	q := &question{
		asked:  make(map[string][]int, len(indicators)),
		values: make([]string, 0, len(indicators)),
		found:  make([]findings, len(indicators)),
		seen:   map[int64]bool{},
	}
	for i, indicator := range indicators {
		if indicator.IsZero() {
			continue
		}
		key := indicator.Fold()
		if q.asked[key] == nil {
			q.values = append(q.values, indicator.Value())
		}
		q.asked[key] = append(q.asked[key], i)
		q.kinds[indicator.Kind()] = true
	}
	return q
}

// reset forgets what was found.
func (q *question) reset() {
	clear(q.found)
	clear(q.seen)
	q.unread = 0
}

// types returns the names of the MISP types that can hold what is asked.
func (q *question) types() []string {
	var names []string
	for _, kind := range ioc.Kinds() {
		if !q.kinds[kind] {
			continue
		}
		for _, t := range kind.Types() {
			if !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

// take adds a row of the MISP at base to what is known of the indicators that
// it holds. It returns false if it holds none that was asked for.
func (q *question) take(r *row, base string) bool {
	if q.seen[int64(r.ID)] {
		return true // it moved from one page to the next while MISP was written to
	}
	var a *Attribute
	for _, place := range places()[string(r.Type)] {
		if !q.kinds[place.kind] {
			continue
		}
		for _, i := range q.matches(place, string(r.Value)) {
			if a == nil {
				a = r.attribute(base)
			}
			q.found[i].add(a)
		}
	}
	if a != nil && r.ID != 0 {
		q.seen[a.ID] = true
	}
	return a != nil
}

// matches returns where the indicators stand that a value holds at a place.
func (q *question) matches(p place, value string) []int {
	text, ok := p.of(value)
	if !ok {
		return nil
	}
	q.buf.Reset()
	indicator, reason := q.buf.Add(p.kind, []byte(text))
	if reason != ioc.OK {
		return nil
	}
	return q.asked[indicator.Fold()]
}

// A place is where a MISP type holds an indicator of a kind.
type place struct {
	kind ioc.Kind
	part ioc.Part
}

// places lists them by the name of the type.
var places = sync.OnceValue(func() map[string][]place {
	all := map[string][]place{}
	for _, kind := range ioc.Kinds() {
		for _, t := range kind.Types() {
			all[t.Name] = append(all[t.Name], place{kind, t.Part})
		}
	}
	return all
})

// of cuts the part out of a value: MISP splits at the first "|".
func (p place) of(value string) (part string, ok bool) {
	if p.part == ioc.Whole {
		return value, true
	}
	first, second, composite := strings.Cut(value, "|")
	if p.part == ioc.Second {
		return second, composite
	}
	return first, true
}

// findings are the attributes that hold one indicator.
type findings struct {
	attributes []Attribute
	total      int
}

func (f *findings) add(a *Attribute) {
	f.total++
	f.attributes = append(f.attributes, *a)
	if len(f.attributes) == 2*MaxAttributes { // a value can be in thousands
		f.keepWeightiest()
	}
}

// keepWeightiest sorts the attributes and drops the lightest, but for the
// weightiest of each type: what a type says of an indicator, no other does.
func (f *findings) keepWeightiest() {
	byWeight := func(a, b Attribute) int { return a.compare(&b) }
	slices.SortFunc(f.attributes, byWeight)
	if len(f.attributes) <= MaxAttributes {
		return
	}
	var kept, others []Attribute
	types := map[string]bool{}
	for _, a := range f.attributes {
		if types[a.Type] {
			others = append(others, a)
		} else {
			kept = append(kept, a)
		}
		types[a.Type] = true
	}
	f.attributes = append(kept, others...)[:MaxAttributes]
	slices.SortFunc(f.attributes, byWeight)
}

// answer returns what is known of the indicator, complete saying that MISP
// told all of it.
func (f *findings) answer(complete bool) Answer {
	switch {
	case f.total > 0:
		f.keepWeightiest()
		return Answer{Verdict: Known, Hit: &Hit{Attributes: slices.Clone(f.attributes), Total: f.total, Partial: !complete}}
	case complete:
		return Answer{Verdict: Clean}
	}
	return Answer{Reason: BadAnswer}
}
