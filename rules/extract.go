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

	// Cut is set by Extract if the event has more than MaxFound indicators, of
	// which the first are in Found.
	Cut bool

	// Rejected, if set, is told of every value that a rule took and that was
	// passed over, and why. Raw is valid during the call.
	Rejected func(rule, path int, raw []byte, why string)

	// Agents, if set, learns the addresses of the agents from the events; they
	// are not looked up.
	Agents *Agents

	// Clean is set by Extract if the event has an indicator that was passed over
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
	start   int      // where this event begins in Found
	seen    map[sight]int
	scratch []byte
	decoded []byte
	texts   []ioc.Indicator
	parents []ioc.Indicator
	onText  func(ioc.Indicator)

	rule, path, value int // what is taken at the moment
}

// MaxFound bounds the indicators of one event. Those of real ones have a few
// dozen; a hostile one must not fill memory or keep MISP busy.
const MaxFound = 5000

// Reset forgets what was found, for the next chunk, and keeps the memory.
func (x *Extraction) Reset() {
	x.Found, x.open = x.Found[:0], x.open[:0]
	clear(x.counts[:])
	clear(x.byRule)
	x.buf.Reset()
}

// Extract appends what is to be looked up in one event to x.Found, in the order
// of its values. The same indicator comes once for a path: the first rule has
// it.
func (s *Set) Extract(f Fields, x *Extraction) {
	if x.set != s {
		x.use(s)
	}
	x.event++
	x.fields, x.start, x.Cut, x.Clean = f, len(x.Found), false, false
	x.passed = x.passed[:0]
	x.learn()
	if s.activate(f, x) {
		for i := range f.Len() {
			if site := &s.sites[f.Path(i)]; site.rows != nil {
				x.take(i, site)
			}
		}
	}
	x.fields = nil
}

// learn learns the address of the agent, once while it is settled.
func (x *Extraction) learn() {
	if x.Agents == nil {
		return
	}
	text := x.first(x.set.agentIP)
	x.marked = false
	if m, settled := x.settled(agentWay, text); !settled {
		x.Agents.Learn(text)
		x.taken(m)
	}
}

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

// activate finds the rows that have a value to take and whose words are in the
// event, and reports whether there are any.
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
			if text := f.Text(i); len(text) <= k.longest {
				x.scratch = appendFold(x.scratch[:0], text)
				x.union.add(k.words[string(x.scratch)])
			}
		}
		x.active.keep(x.union)
	}
	return !x.active.empty()
}

// take takes value i by every row that holds.
func (x *Extraction) take(i int, site *site) {
	raw := x.fields.Text(i)
	if raw == nil {
		return
	}
	x.path, x.value, x.rule, x.marked = x.fields.Path(i), i, -1, false
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
				x.takeOne(&takings[t], raw)
			}
		}
	}
}

func (x *Extraction) takeOne(t *taking, raw []byte) {
	m, settled := x.settled(t.way, raw)
	if settled {
		return
	}
	if t.entities {
		x.decoded = appendDecoded(x.decoded[:0], raw)
		raw = x.decoded
	}
	shapes[t.shape].take(x, t, raw)
	x.taken(m)
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

// first returns the text of the first value at a path, nil if there is none.
func (x *Extraction) first(path int) []byte {
	if path < 0 {
		return nil
	}
	for i := x.fields.First(path); i >= 0; i = x.fields.Next(i) {
		if text := x.fields.Text(i); text != nil {
			return text
		}
	}
	return nil
}
