package rules

import "fluent-bit-misp/rules/fields"

// A choice is a value that is to be taken.
type choice struct {
	taking      *taking
	mark        // none if it is not to be settled
	value, rule int32
	host, port  int32 // values that the taking needs besides, -1 if there is none
}

// ofAgent reports whether the address of an agent is to be learnt: no rule takes it.
func (c *choice) ofAgent() bool { return c.rule < 0 }

// Choices are those of some events, until the last of them is taken.
type choices struct {
	all    []choice
	events []chosenFrom
	begin  int // where the choices begin of the event that is chosen from
	cut    bool
	taken  int // events
	next   int // where the choices begin of the event that is taken next
}

// A chosenFrom is an event that was chosen from.
type chosenFrom struct {
	fields *fields.Fields
	end    int // of its choices
	cut    bool
}

// full reports whether the event that is chosen from has as many choices as one
// may have, and notes that there are more.
func (c *choices) full() bool {
	c.cut = c.cut || len(c.all)-c.begin >= MaxChosen
	return c.cut
}

func (c *choices) add(one choice) { c.all = append(c.all, one) }

// end ends the event that is chosen from.
func (c *choices) end(f *fields.Fields) {
	c.events = append(c.events, chosenFrom{f, len(c.all), c.cut})
	c.begin, c.cut = len(c.all), false
}

// take returns the next event that is to be taken, and its choices, which are
// valid until something is added. Before the first one it touches the lines of a
// table in which all choices are, one right after the other, so that they come
// from memory side by side.
func (c *choices) take(table *Settled) (chosenFrom, []choice) {
	if c.taken == 0 && table != nil {
		for i := range c.all {
			table.touch(c.all[i].mark)
		}
	}
	event := c.events[c.taken]
	of := c.all[c.next:event.end]
	c.taken, c.next = c.taken+1, event.end
	if c.taken == len(c.events) {
		c.reset()
	}
	return event, of
}

// keptChoices is for how many choices memory is kept; a group of events has some
// dozens, and only hostile ones have more than this.
const keptChoices = 5000

// reset forgets everything.
func (c *choices) reset() {
	clear(c.events)
	*c = choices{all: c.all[:0], events: c.events[:0]}
	if cap(c.all) > keptChoices {
		c.all = nil
	}
}
