package rules

import "fluent-bit-misp/rules/fields"

// A choice is a value that is to be taken. It is small, since those of the plans of
// all layouts want to stay in the processor's cache.
type choice struct {
	taking     *taking
	way        int32 // that of the taking
	rule, path int32 // no rule, -1, takes the address of an agent
	value      int32 // by its number in the Fields
	host, port int32 // values that the taking needs besides, -1 if there is none
}

// Choices are those of some events, until the last of them is taken.
type choices struct {
	marks  []mark   // of all choices, none for what is not to be settled
	own    []choice // of the events that do not follow a plan
	events []chosenFrom
	begin  int // where in own the event begins that is chosen from
	cut    bool
	taken  int // events
	next   int // where in marks the event begins that is taken next
}

// A chosenFrom is an event that was chosen from.
type chosenFrom struct {
	fields  *fields.Fields
	choices []choice // those of a plan, or a part of own
	cut     bool
}

// full reports whether the event that is chosen from has as many choices as one
// may have, and notes that there are more.
func (c *choices) full() bool {
	c.cut = c.cut || len(c.own)-c.begin >= MaxChosen
	return c.cut
}

func (c *choices) add(one choice, m mark) {
	c.own, c.marks = append(c.own, one), append(c.marks, m)
}

// chosen returns what was added for the event that is chosen from.
func (c *choices) chosen() []choice { return c.own[c.begin:] }

// end ends the event that is chosen from, by a plan with those choices or without one.
// Their marks were added.
func (c *choices) end(f *fields.Fields, planned []choice) {
	of := planned
	if len(of) == 0 {
		of = c.chosen()
	}
	c.events = append(c.events, chosenFrom{f, of, c.cut})
	c.begin, c.cut = len(c.own), false
}

// take returns the next event that is to be taken, and the marks of its choices,
// which are valid until something is added. Before the first one it touches the
// lines of a table in which all choices are, one right after the other, so that they
// come from memory side by side.
func (c *choices) take(table *Settled) (chosenFrom, []mark) {
	if c.taken == 0 && table != nil {
		for _, m := range c.marks {
			table.touch(m)
		}
	}
	event := c.events[c.taken]
	of := c.marks[c.next:][:len(event.choices)]
	c.taken, c.next = c.taken+1, c.next+len(of)
	if c.taken == len(c.events) {
		c.reset()
	}
	return event, of
}

// keptChoices is for how many choices memory is kept; a group of events has some
// dozens, and only hostile ones have more than this.
const keptChoices = 5000

// reset forgets what was chosen, and keeps the memory unless it is too much.
func (c *choices) reset() {
	if max(cap(c.marks), cap(c.own)) > keptChoices {
		*c = choices{}
	}
	*c = choices{marks: c.marks[:0], own: c.own[:0], events: c.events[:0]}
}
