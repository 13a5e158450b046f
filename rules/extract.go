package rules

import (
	"math/bits"

	"fluent-bit-misp/misp/ioc"
)

// Found is one indicator that is to be looked up.
type Found struct {
	Indicator ioc.Indicator // a view, valid until the Extraction's Reset
	Rule      int           // see Set.RuleName
	Path      int           // see Set.Paths
	Derived   Derived
}

// Derived says how an indicator follows from the one that the field has. The
// zero value is that it is the field's own.
type Derived uint8

const (
	Direct Derived = iota
	Host           // the host of a URL
	Parent         // a parent of a domain, which matches only MISP's type domain
)

// String returns the word that reports use; none for Direct.
func (d Derived) String() string { return [...]string{"", "host", "parent"}[d] }

// An Extraction collects what is found in the events of a chunk and owns the
// memory of it. The zero value is ready to use; it may be used with one Set
// after another, but not concurrently. Once it has grown to the size of the
// chunks, nothing is allocated.
type Extraction struct {
	Found []Found

	// Cut is set by Take if the event has more than MaxFound indicators, or
	// more than MaxChosen values to take them from; the first are in Found.
	Cut bool

	// Rejected, if set, is told of every value that a rule took and that was
	// passed over, and why. Raw is valid during the call.
	Rejected func(rule, path int, raw []byte, why string)

	// Agents, if set, learns the addresses of the agents from the events; they
	// are not looked up.
	Agents *Agents

	// Clean is set by Take if the event has an indicator that was passed over
	// because it is settled; see Skip.
	Clean bool

	settling
	buf     ioc.Buffer
	set     *Set
	fields  Fields
	event   uint64   // counts the events; stamps of another event are old
	active  bitset   // rows that can hold in this event
	union   bitset   // scratch of activate
	rows    []uint64 // by row: the event and whether the row holds
	conds   []uint64 // by condition, likewise
	choices choices
	start   int // where this event begins in Found
	seen    map[sight]int
	met     met
	scratch []byte
	decoded []byte
	texts   []ioc.Indicator
	parents []ioc.Indicator
	onText  func(ioc.Indicator)

	rule, path, value int    // what is taken at the moment
	host, port        []byte // and those values that it needs besides
}

// MaxFound bounds the indicators of one event, and MaxChosen the values that
// they are taken from. Real ones have a few dozen; a hostile one must not fill
// memory or keep MISP busy.
const (
	MaxFound  = 5000
	MaxChosen = 4 * MaxFound
)

// Reset forgets what was found, for the next chunk, and keeps the memory.
func (x *Extraction) Reset() {
	x.choices.reset()
	x.Found, x.open = x.Found[:0], x.open[:0]
	clear(x.counts[:])
	clear(x.byRule)
	x.buf.Reset()
}

// Extract appends what is to be looked up in one event to x.Found, in the order
// of its values. The same indicator comes once for a path: the first rule has
// it.
func (s *Set) Extract(f Fields, x *Extraction) {
	s.Choose(f, x)
	x.Take()
}

// Choose is the first half of Extract: it finds the values that are to be taken.
// The other half is Take, once for each event and in their order; until then the
// Fields must stay as they are. Who chooses from several events before the first
// is taken waits for memory once, not for each settled value; see [Settled]. All
// of them are taken, or Reset is called, before the next Choose, Skip or Set.
func (s *Set) Choose(f Fields, x *Extraction) {
	if x.set != s {
		x.use(s)
	}
	x.event++
	x.fields = f
	x.chooseAgent()
	asked, some := false, false // whether rows with conditions can hold
	for i := range f.Len() {
		path := f.Path(i)
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
	x.choices.end(f)
}

// Take is the second half of Extract.
func (x *Extraction) Take() {
	event, choices := x.choices.take(x.table)
	x.fields, x.start, x.Cut, x.Clean = event.fields, len(x.Found), event.cut, false
	x.passed = x.passed[:0]
	for i := range choices {
		c := &choices[i]
		x.path, x.value, x.rule = event.fields.Path(int(c.value)), int(c.value), int(c.rule)
		x.take(c, event.fields.Text(x.value))
	}
	x.fields, x.host, x.port = nil, nil, nil
}

// learning is how the address of the agent is taken.
var learning = taking{way: agentWay, shape: agentAddress}

func (x *Extraction) use(s *Set) {
	x.set = s
	x.active, x.union = newBitset(len(s.rows)), newBitset(len(s.rows))
	x.rows, x.conds = make([]uint64, len(s.rows)), make([]uint64, len(s.conds))
	x.byRule = make([]uint32, len(s.names))
	if x.seen == nil {
		x.seen = map[sight]int{}
		x.onText = func(i ioc.Indicator) { x.texts = append(x.texts, i) }
	}
}

// activate finds the rows with conditions that have a value to take and whose
// words are in the event, and reports whether there are any.
func (s *Set) activate(f Fields, x *Extraction) bool {
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
			if text := f.Text(i); text != nil {
				x.union.add(k.words.rows(text))
			}
		}
		x.active.keep(x.union)
	}
	return !x.active.empty()
}

// chooseAgent chooses the address of the agent, which is learnt, unless it was
// lately.
func (x *Extraction) chooseAgent() {
	if x.Agents == nil {
		return
	}
	i := x.first(x.set.agentIP)
	if i < 0 {
		return
	}
	if text := x.fields.Text(i); !x.met.has(text) {
		x.rule, x.marked = -1, false
		x.choose(i, text, &learning)
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

// choose chooses value i, which is raw, for the rule at hand. Where the taking
// needs other values of the event, they are found now: later it is too late.
func (x *Extraction) choose(i int, raw []byte, t *taking) {
	c := choice{taking: t, mark: x.markOf(raw, t.way), value: int32(i), rule: int32(x.rule), host: -1, port: -1}
	switch {
	case t.host >= 0:
		c.host, c.port = int32(x.first(t.host)), int32(x.first(t.port))
	case t.shape == command && x.fields.First(x.fields.Path(i)) != i:
		return // the first argument stands for all
	}
	x.choices.add(c)
}

func (x *Extraction) take(c *choice, raw []byte) {
	if x.settled(c.mark) {
		return
	}
	if c.taking.entities {
		x.decoded = appendDecoded(x.decoded[:0], raw)
		raw = x.decoded
	}
	x.host, x.port = x.text(c.host), x.text(c.port)
	shapes[c.taking.shape].take(x, c.taking, raw)
	x.taken(c.mark)
}

// holds decides the conditions of a row that are not words, once an event.
func (x *Extraction) holds(r int) bool {
	row := &x.set.rows[r]
	if row.when == nil && row.unless == nil {
		return true
	}
	if x.rows[r]>>1 != x.event {
		x.rows[r] = x.event << 1
		if x.allHold(row.when) && !x.someHold(row.unless) {
			x.rows[r] |= 1
		}
	}
	return x.rows[r]&1 != 0
}

func (x *Extraction) allHold(conds []int) bool {
	for _, c := range conds {
		if !x.satisfies(c) {
			return false
		}
	}
	return true
}

func (x *Extraction) someHold(clauses [][]int) bool {
	for _, conds := range clauses {
		if x.allHold(conds) {
			return true
		}
	}
	return false
}

func (x *Extraction) satisfies(c int) bool {
	if x.conds[c]>>1 != x.event {
		x.conds[c] = x.event << 1
		if x.set.conds[c].decide(x.fields) {
			x.conds[c] |= 1
		}
	}
	return x.conds[c]&1 != 0
}

func (c *cond) decide(f Fields) bool {
	if want, ok := c.matcher.(exists); ok {
		return bool(want) == (f.First(c.path) >= 0)
	}
	for i := f.First(c.path); i >= 0; i = f.Next(i) {
		if text := f.Text(i); text != nil && c.matcher.match(text) {
			return true
		}
	}
	return false
}

// first returns the first value at a path that has a text, -1 if there is none.
func (x *Extraction) first(path int) int {
	if path < 0 {
		return -1
	}
	i := x.fields.First(path)
	for i >= 0 && x.fields.Text(i) == nil {
		i = x.fields.Next(i)
	}
	return i
}

// text returns the text of a value, nil for -1.
func (x *Extraction) text(value int32) []byte {
	if value < 0 {
		return nil
	}
	return x.fields.Text(int(value))
}
