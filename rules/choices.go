package rules

// A choice is a value that is to be taken.
type choice struct {
	taking      *taking
	mark        // none if it is not to be settled
	value, rule int32
}

// Choices are those of some events, until the last of them is taken.
type choices struct {
	all    []choice
	events []chosenFrom
	taken  int // events
	from   int // where the choices of the event begin that is chosen from or taken
	cut    bool
}

// A chosenFrom is an event that was chosen from.
type chosenFrom struct {
	fields Fields
	end    int // of its choices
	cut    bool
}

func (c *choices) add(one choice) {
	if len(c.all)-c.from >= MaxChosen {
		c.cut = true
		return
	}
	c.all = append(c.all, one)
}

// end ends the event that is chosen from.
func (c *choices) end(f Fields) {
	c.events = append(c.events, chosenFrom{f, len(c.all), c.cut})
	c.from, c.cut = len(c.all), false
}

// next returns the next event that is to be taken, and its choices, which are
// valid until something is added. Before the first one it touches the lines of a
// table in which all choices are, one right after the other, so that they come
// from memory side by side.
func (c *choices) next(table *Settled) (chosenFrom, []choice) {
	if c.taken == 0 {
		c.from = 0
		if table != nil {
			for i := range c.all {
				table.touch(c.all[i].mark)
			}
		}
	}
	event := c.events[c.taken]
	of := c.all[c.from:event.end]
	c.taken, c.from = c.taken+1, event.end
	if c.taken == len(c.events) {
		c.reset()
	}
	return event, of
}

// reset forgets everything and keeps the memory, but not what only a hostile
// event has needed.
func (c *choices) reset() {
	clear(c.events)
	c.all, c.events, c.taken, c.from, c.cut = c.all[:0], c.events[:0], 0, 0, false
	if cap(c.all) > MaxFound {
		c.all = nil
	}
}
