package rules

import (
	"slices"

	"fluent-bit-misp/rules/fields"
)

// A plan is what is chosen from each event of a layout for which the tests of the
// texts that differ from event to event come out the same. It numbers the values as
// Layout.Wanted does. What is chosen stays as it is, as those have it who are to take
// from events.
type plan struct {
	choices []choice
	tests   []test
	misses  int32     // events in a row for which they came out otherwise
	few     [3]choice // the memory of choices, if they are no more: beside the rest
}

// A test is whether the text of a value satisfies a condition.
type test struct {
	matcher matcher
	value   int32
	holds   bool
}

// maxPlanned bounds the choices of a plan, and maxTests its tests. An event has some
// dozens at most, and a few.
const (
	maxPlanned = 64
	maxTests   = 8
)

// maxMisses is after how many misses in a row a plan gives way to another.
const maxMisses = 16

// differs reports whether a plan that is to be made must heed the text of value i.
func (x *Extraction) differs(i int) bool {
	l := x.fields.Layout
	return l != nil && !l.Tried && l.Free[i]
}

// tested notes what became of the test of value i.
func (x *Extraction) tested(i int, m matcher, holds bool) {
	switch {
	case !x.differs(i):
	case len(x.tests) == maxTests:
		x.varies = true
	default:
		x.tests = append(x.tests, test{m, int32(i), holds})
	}
}

// makePlan leaves a plan in a layout if the next events like the one at hand have
// chosen from them what was chosen from it.
func (x *Extraction) makePlan(l *fields.Layout) {
	l.Tried = true
	chosen := x.choices.chosen()
	if x.varies || len(chosen) > maxPlanned {
		return
	}
	var wanted []int32
	want := func(value int32) int32 {
		if value < 0 {
			return -1
		}
		at := slices.Index(wanted, value)
		if at < 0 {
			at, wanted = len(wanted), append(wanted, value)
		}
		return int32(at)
	}
	p := &plan{}
	p.choices = p.few[:0]
	for _, t := range x.tests {
		p.tests = append(p.tests, test{t.matcher, want(t.value), t.holds})
	}
	for _, c := range chosen {
		if c.taking.shape == command {
			return // it takes all values at its path
		}
		c.value, c.host, c.port = want(c.value), want(c.host), want(c.port)
		p.choices = append(p.choices, c)
	}
	l.Plan, l.Wanted = p, wanted
}

// chooseAsPlanned marks what the plan has of the event at hand, and returns it; ok is
// whether there is a plan for the event. If not, that has all its values then.
func (x *Extraction) chooseAsPlanned() (planned []choice, ok bool) {
	if !x.fields.Planned {
		return nil, false
	}
	p := x.fields.Layout.Plan.(*plan)
	for i := range p.tests {
		if t := &p.tests[i]; t.matcher.match(x.fields.Text(int(t.value))) != t.holds {
			x.miss(p)
			return nil, false
		}
	}
	if len(p.tests) > 0 {
		p.misses = 0
	}
	var raw []byte
	last := int32(-1)
	for i := range p.choices {
		c := &p.choices[i]
		if c.value != last {
			raw, last, x.marked = x.fields.Text(int(c.value)), c.value, false
		}
		x.choices.marks = append(x.choices.marks, x.markOf(raw, c))
	}
	return p.choices, true
}

// miss has the event at hand, for which the plan is not, be decided like one without
// a plan.
func (x *Extraction) miss(p *plan) {
	if p.misses++; p.misses == maxMisses {
		l := x.fields.Layout
		l.Plan, l.Tried = nil, false
	}
	x.fields.Complete()
}
