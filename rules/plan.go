package rules

import (
	"slices"

	"fluent-bit-misp/rules/fields"
)

// A plan is what is chosen from each event of a layout, where that depends on no
// text that differs from event to event.
type plan struct {
	agent   int16 // the address of the agent, as in planned; -1 if there is none or it is not learnt
	choices []planned
}

// A planned choice. It is small, since the plans of all layouts want to stay in
// the processor's cache.
type planned struct {
	taking            *taking
	rule, way         int32
	value, host, port int16 // by where they are in Layout.Wanted
}

// maxPlanned bounds the choices of a plan. An event has some dozens at most.
const maxPlanned = 64

// dependsOn notes that what is chosen depends on the text of value i.
func (x *Extraction) dependsOn(i int) {
	if l := x.fields.Layout; l != nil && l.Free[i] {
		x.varies = true
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

// chooseAsPlanned chooses what the plan has of the event at hand.
func (x *Extraction) chooseAsPlanned() {
	p := x.fields.Layout.Plan.(*plan)
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
}
