package rules

import (
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules/fields"
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
	fields  *fields.Fields
	event   uint64   // counts the events; stamps of another event are old
	active  bitset   // rows that can hold in this event
	union   bitset   // scratch of activate
	rows    []uint64 // by row: the event and whether the row holds
	conds   []uint64 // by condition, likewise
	choices choices
	tests   []test // of texts that differ within a layout, on which depends what is chosen
	varies  bool   // that depends on such texts in another way, or on too many
	start   int    // where this event begins in Found
	seen    map[sight]int
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
	clear(x.counts[:len(x.profiles)])
	clear(x.byRule)
	x.buf.Reset()
}

// Extract appends what is to be looked up in one event to x.Found, in the order
// of its values. The same indicator comes once for a path: the first rule has
// it.
func (s *Set) Extract(f *fields.Fields, x *Extraction) {
	s.Choose(f, x)
	x.Take()
}

// Take is the second half of Extract.
func (x *Extraction) Take() {
	event, marks := x.choices.take(x.table)
	x.fields, x.start, x.Cut, x.Clean = event.fields, len(x.Found), event.cut, false
	x.passed = x.passed[:0]
	for i := range event.choices {
		c := &event.choices[i]
		if !x.settled(marks[i], int(c.rule), int(c.path)) {
			x.take(c, marks[i])
		}
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

func (x *Extraction) take(c *choice, m mark) {
	x.path, x.value, x.rule = int(c.path), int(c.value), int(c.rule)
	x.from, x.partial, x.rejected, x.why = len(x.Found), false, 0, ""
	raw := x.fields.Text(x.value)
	if c.taking.entities {
		x.decoded = appendDecoded(x.decoded[:0], raw)
		raw = x.decoded
	}
	x.host, x.port = x.text(c.host), x.text(c.port)
	shapes[c.taking.shape].take(x, c.taking, raw)
	x.host, x.port = nil, nil
	x.taken(m)
}

// text returns the text of a value, nil for -1.
func (x *Extraction) text(value int32) []byte {
	if value < 0 {
		return nil
	}
	return x.fields.Text(int(value))
}
