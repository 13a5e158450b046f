package rules

import (
	"slices"

	"fluent-bit-misp/rules/fields"
)

// A plan is what is chosen from each event of a layout, where that depends on no
// text that differs from event to event.
type plan struct {
	agent   int32 // the address of the agent, as in planned; -1 if there is none or it is not learnt
	choices []planned
}

// A planned choice. It is small, since the plans of all layouts want to stay in
// the processor's cache.
type planned struct {
	taking                 *taking
	rule                   int32
	way, value, host, port int16 // values by where they are in Layout.Wanted
}

// maxPlanned bounds the choices of a plan. An event has a dozen at most.
const maxPlanned = 64

// compared notes that what is chosen depends on the text of value i.
func (x *Extraction) compared(i int) {
	if l := x.fields.Layout; l != nil && l.Free[i] {
		x.varies = true
	}
}

// plan leaves a plan in a layout if the next events like the one at hand have
// chosen from them what was chosen from it.
func (x *Extraction) plan(l *fields.Layout) {
	l.Tried = true
	chosen := x.choices.all[x.choices.begin:]
	if x.varies || x.choices.cut || len(chosen) > maxPlanned {
		return
	}
	var wanted []int32
	number := func(value int32) int16 {
		if value < 0 {
			return -1
		}
		if !slices.Contains(wanted, value) {
			wanted = append(wanted, value)
		}
		return int16(slices.Index(wanted, value))
	}
	p := &plan{agent: int32(number(int32(x.agent())))}
	for _, c := range chosen {
		switch {
		case c.ofAgent(): // it is not chosen each time
		case c.taking.shape == command:
			return // it takes all values at its path
		default:
			p.choices = append(p.choices, planned{c.taking, c.rule, int16(c.taking.way), number(c.value), number(c.host), number(c.port)})
		}
	}
	l.Plan, l.Wanted = p, wanted
}

// follow chooses what a plan has.
func (x *Extraction) follow(p *plan) {
	if p.agent >= 0 {
		x.learn(int(p.agent))
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
