package rules

import (
	"math/bits"

	"fluent-bit-misp/rules/fields"
)

// Choose is the first half of Extract: it finds the values that are to be taken.
// The other half is Take, once for each event and in their order; until then the
// Fields must stay as they are, but for First. Who chooses from several events
// before the first is taken waits for memory once, not for each settled value; see
// [Settled]. All of them are taken, or Reset is called, before the next Choose,
// Skip or Set.
//
// The Fields of one scanner are for one Set, and for Extractions that all have
// Agents, or all none: what is chosen from an event decides which values the Fields
// of the next ones like it have; see [fields.Layout].
func (s *Set) Choose(f *fields.Fields, x *Extraction) {
	if x.set != s {
		x.use(s)
	}
	x.fields = f
	planned, ok := x.chooseAsPlanned()
	if !ok {
		s.decide(f, x)
	}
	x.choices.end(f, planned)
}

// decide chooses from an event for which there is no plan, or whose plan is not for
// it, and makes one for its layout if it can and none was made.
func (s *Set) decide(f *fields.Fields, x *Extraction) {
	x.event++
	x.tests, x.varies = x.tests[:0], false
	if x.Agents != nil {
		x.chooseAgent(x.first(s.agentIP))
	}
	asked, some := false, false // whether rows with conditions can hold
	for i := range f.Len() {
		path := f.Path(i)
		x.path = path
		switch s.guards[path] {
		case unguarded:
			x.chooseAlways(i, &s.sites[path])
		case guarded:
			if !asked {
				asked, some = true, s.activate(f, x)
			}
			if some {
				x.chooseFrom(i, &s.sites[path])
			}
		}
	}
	if l := f.Layout; l != nil && !l.Tried {
		x.makePlan(l)
	}
}

// learning is how the address of the agent is taken.
var learning = taking{way: agentWay, shape: agentAddress, host: -1, port: -1}

// activate finds the rows with conditions that have a value to take and whose
// words are in the event, and reports whether there are any.
func (s *Set) activate(f *fields.Fields, x *Extraction) bool {
	clear(x.active)
	for i := range f.Len() {
		x.active.add(s.sites[f.Path(i)].rows)
	}
	for i := range s.keys {
		k := &s.keys[i]
		if x.active.within(k.free) {
			continue
		}
		copy(x.union, k.free)
		for i := f.First(k.path); i >= 0; i = f.Next(i) {
			x.varies = x.varies || x.differs(i)
			if text := f.Text(i); text != nil {
				x.union.add(k.words.rows(text))
			}
		}
		x.active.keep(x.union)
	}
	return !x.active.empty()
}

// chooseAgent chooses value i, the address of the agent, if there is one.
func (x *Extraction) chooseAgent(i int) {
	if i >= 0 {
		x.rule, x.path, x.marked = -1, x.set.agentIP, false
		x.choose(i, x.fields.Text(i), &learning)
	}
}

// chooseAlways chooses value i for every rule that takes it whatever else there is.
func (x *Extraction) chooseAlways(i int, site *site) {
	raw := x.fields.Text(i)
	if raw == nil {
		return
	}
	x.marked = false
	for r := range site.always {
		always := &site.always[r]
		x.rule = always.rule
		x.choose(i, raw, &always.taking)
	}
}

// chooseFrom chooses value i for every row that holds.
func (x *Extraction) chooseFrom(i int, site *site) {
	raw := x.fields.Text(i)
	if raw == nil {
		return
	}
	x.rule, x.marked = -1, false
	for w, word := range site.rows {
		for m := word & x.active[w]; m != 0; m &= m - 1 {
			r := w*64 + bits.TrailingZeros64(m)
			// The rows of a rule stand together; one that holds is enough.
			if x.set.rows[r].rule == x.rule || !x.holds(r) {
				continue
			}
			x.rule = x.set.rows[r].rule
			takings := site.takings[site.rows.rank(r)]
			for t := range takings {
				x.choose(i, raw, &takings[t])
			}
		}
	}
}

// choose chooses value i, which is raw, at the path and for the rule at hand. Where
// the taking needs other values of the event, they are found now: later it is too
// late.
func (x *Extraction) choose(i int, raw []byte, t *taking) {
	c := choice{taking: t, way: t.way, rule: int32(x.rule), path: int32(x.path), value: int32(i), host: -1, port: -1}
	switch {
	case t.host >= 0:
		c.host, c.port = int32(x.first(t.host)), int32(x.first(t.port))
	case t.shape == command && x.fields.First(x.path) != i:
		return // the first argument stands for all
	}
	if !x.choices.full() {
		x.choices.add(c, x.markOf(raw, &c))
	}
}

// first returns the first value at a path that has a text, -1 if there is none
// among the first ones: a hostile event can have any number of maps there.
func (x *Extraction) first(path int) int {
	if path < 0 {
		return -1
	}
	i := x.fields.First(path)
	for n := 0; i >= 0 && x.fields.Text(i) == nil; n++ {
		if n == fewFound {
			return -1
		}
		i = x.fields.Next(i)
	}
	return i
}
