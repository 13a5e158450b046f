package rules

import (
	"slices"

	"fluent-bit-misp/rules/fields"
)

// A plan is what is chosen from each event of a layout for which the tests of the
// texts that differ from event to event come out the same.
type plan struct {
	agent   int16 // the address of the agent, as in planned; -1 if there is none or it is not learnt
	tests   []test
	misses  int // events in a row for which they came out otherwise
	choices []planned
}

// A test is whether the text of a value satisfies a condition.
type test struct {
	matcher matcher
	value   int32 // in a plan, by where it is in Layout.Wanted
	holds   bool
}

// A planned choice. It is small, since the plans of all layouts want to stay in
// the processor's cache.
type planned struct {
	taking            *taking
	rule, way         int32
	value, host, port int16 // by where they are in Layout.Wanted
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
	chosen := x.choices.all[x.choices.begin:]
	if x.varies || len(chosen) > maxPlanned {
		return
	}
	var wanted []int32
	want := func(value int32) int16 {
		if value < 0 {
			return -1
		}
		at := slices.Index(wanted, value)
		if at < 0 {
			at, wanted = len(wanted), append(wanted, value)
		}
		return int16(at)
	}
	p := &plan{agent: want(int32(x.agent()))}
	for _, t := range x.tests {
		p.tests = append(p.tests, test{t.matcher, int32(want(t.value)), t.holds})
	}
	for _, c := range chosen {
		switch {
		case c.ofAgent(): // it is not chosen each time
		case c.taking.shape == command:
			return // it takes all values at its path
		default:
			p.choices = append(p.choices, planned{c.taking, c.rule, int32(c.taking.way), want(c.value), want(c.host), want(c.port)})
		}
	}
	l.Plan, l.Wanted = p, wanted
}

// chooseAsPlanned chooses what the plan has of the event at hand, and reports whether
// the plan is for it; if not, the event has all its values then.
func (x *Extraction) chooseAsPlanned() bool {
	p := x.fields.Layout.Plan.(*plan)
	for i := range p.tests {
		if t := &p.tests[i]; t.matcher.match(x.fields.Text(int(t.value))) != t.holds {
			x.miss(p)
			return false
		}
	}
	if len(p.tests) > 0 {
		p.misses = 0
	}
	if p.agent >= 0 && x.Agents != nil {
		x.chooseAgent(int(p.agent))
	}
	var raw []byte
	last := int16(-1)
	for i := range p.choices {
		c := &p.choices[i]
		if c.value != last {
			raw, last, x.marked = x.fields.Text(int(c.value)), c.value, false
		}
		x.choices.add(choice{c.taking, x.markOf(raw, int(c.way)), int32(c.value), c.rule, int32(c.host), int32(c.port)})
	}
	return true
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
