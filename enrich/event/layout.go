package event

import (
	"encoding/binary"
	"slices"

	"fluent-bit-misp/rules/fields"
)

// A layout is how the records of one kind stand in memory: what is the same in
// all of them, and the values between that. The alerts of a rule differ in a
// dozen values, so a record that is laid out like those before it is compared
// with them, and not walked key by key. What comes out is the same. Half of those
// values, such as times and hashes, always have the same size: they are left out
// where they stand, and only behind the others it must be found where to go on.
type layout struct {
	fixed  []byte // the parts of a record, one after the other, between readAhead bytes each
	masks  []mask // of the blocks of each part
	parts  []part
	wanted []pick         // what a reader wants who has a plan, once there was an event for that
	shared *fields.Layout // own, nil if a value can be missing
	own    fields.Layout  // for readers
	uses   uint32         // how often it served, halved now and then

	picks  []pick         // all values
	values []fields.Value // and what they have alike in all events; those have this slice
	sample []byte         // one of the records
	leaves []leaf         // its scalars

	// The memory of parts, masks and fixed, if that is enough, beside the rest.
	fewParts [16]part
	fewMasks [32]mask
	fewFixed [1600]byte
}

// A part is as many bytes that are the same, but for values that have kept their size
// and format, and the value behind them, which has not. There is none behind the last.
type part struct {
	at, size uint16 // in fixed
	masks    uint16 // where its masks begin, one at least
	last     bool   // there is no value
	text     bool   // the value must be a string
}

// A mask has a bit for each byte of a block of a part: whether it is the same.
type mask uint64

const block = 64 // bytes that a mask tells of

// A pick says where a text is: at offsets to two of the places. Of what is not known
// to be a string, the start is where its format stands.
type pick struct {
	start, end         uint16 // places
	startAway, endAway uint16
	form               form
}

type form uint8

const (
	aString form = iota
	aScalar      // it need not be a string
	aMap         // it has no text
)

// The places of part k are two, from 2k on: where it begins, and where the body of
// its value does. The next part begins behind the value.
type places [512]int32

// layouts are those of the records that came lately. They belong to a Scanner.
type layouts struct {
	groups [1 << groupBits]group // by the upper bits of their keys
	last   *layout               // that a record was found to have
	places places
	lessons
}

// A group is searched from front to back.
type group struct {
	keys    [ways]uint64
	layouts [ways]*layout // nil from the first that there is none on
}

const (
	groupBits = 7
	ways      = 4
	readAhead = block // bytes around the parts that compare may read
)

// window is how many bytes of a record make its key: enough to reach into the
// description of a rule, by which most rules are told apart.
const window = 48

// keyOf returns a hash of how a record begins behind its first field, which tends
// to be a time. The first field begins at b[i]. The hash is 0 if there is too
// little of the record; other records may have the same.
func keyOf(b []byte, i int) uint64 {
	for range 2 { // a key, a value
		if i < len(b) && b[i]-0xa0 < 0x20 {
			i += 1 + int(b[i]&0x1f)
		}
	}
	if len(b)-i < window {
		return 0
	}
	from := (*[window]byte)(b[i:])
	word := func(k int) uint64 { return binary.LittleEndian.Uint64(from[8*k:]) }
	one := word(0)*0x9e3779b97f4a7c15 ^ word(1)
	two := word(2)*0xc2b2ae3d27d4eb4f ^ word(3)
	three := word(4)*0x165667b19e3779f9 ^ word(5)
	return (one^two>>29^two<<35)*0x9e3779b97f4a7c15 ^ three*0xd6e8feb86659fd93 | 1
}

// group returns the group for records with that key.
func (l *layouts) group(key uint64) *group { return &l.groups[key>>(64-groupBits)] }

// foresee has the layout come from memory with which a record with that key is
// compared.
func (l *layouts) foresee(key uint64) {
	g := l.group(key)
	for way := range g.keys {
		if g.keys[way] == key {
			prefetch(g.layouts[way])
			return
		}
	}
}

// follow notes the values of the record at i if it is laid out like one before with
// that key, and goes on to the event behind it. It reports whether it is. A record
// that was compared to its end is whole, so that a walk would end there as well.
func (s *Scanner) follow(key uint64, i int) bool {
	g := s.layouts.group(key)
	for way := range g.keys {
		if g.keys[way] != key {
			continue
		}
		l := g.layouts[way]
		if end := s.along(l, i); end >= 0 {
			s.goTo(end)
			if s.note(l) {
				l.uses++
				return true
			}
		}
	}
	return false
}

// along finds the places in the record at i, and returns the offset behind it,
// -1 if it is not laid out like that.
func (s *Scanner) along(l *layout, i int) int {
	b, places := s.common.Chunk, &s.layouts.places
	for k := 0; ; k++ {
		if k, i = compare(b, i, l, k, places); k < 0 || k == len(l.parts) {
			return i
		}
		p := &l.parts[k]
		value := i + int(p.size)
		if value > len(b) || !l.has(p, b[i:value]) {
			return -1
		}
		places[2*k] = int32(i)
		if p.last {
			return value
		}
		c, body, size := header(b, value)
		if c == array || c == mapping || c == invalid || p.text && c != text {
			return -1
		}
		places[2*k+1] = int32(body)
		i = body + size
	}
}

// has reports whether b is the part p, but for what its masks leave out.
func (l *layout) has(p *part, b []byte) bool {
	fixed, masks := l.fixed[p.at:], l.masks[p.masks:]
	i := 0
	for ; i+8 <= len(b); i += 8 {
		differs := binary.LittleEndian.Uint64(b[i:]) ^ binary.LittleEndian.Uint64(fixed[i:])
		if differs != 0 && differs&masks[i/block].bytes(i%block) != 0 {
			return false
		}
	}
	for ; i < len(b); i++ {
		if b[i] != fixed[i] && masks[i/block]>>(i%block)&1 != 0 {
			return false
		}
	}
	return true
}

// bytes returns eight bytes of ones and zeros, as the mask has bits from i on.
func (m mask) bytes(i int) uint64 {
	bits := uint64(m>>i&0xff) * ones & 0x8040201008040201 // each byte has its own
	return (bits + 0x7f*ones) >> 7 & ones * 0xff
}

// note notes the values whose places were found, and reports whether they are
// those that such a record has.
func (s *Scanner) note(l *layout) bool {
	f := s.fields
	s.layouts.last, f.Layout = l, l.shared
	if f.Layout != nil && f.Layout.Plan != nil {
		if l.wanted == nil {
			l.pickWanted(f.Layout.Wanted)
		}
		f.Planned = true
		return s.fill(l.wanted)
	}
	return s.noteAll(l)
}

func (s *Scanner) noteAll(l *layout) bool {
	if !s.fill(l.picks) {
		return false
	}
	f := s.fields
	f.Values = l.values
	for i := len(f.Values) - 1; i >= 0; i-- { // the first value at a path comes last
		f.Ends[f.Values[i].Path].First = int32(i)
	}
	return true
}

// complete gives an event all its values that was planned to have some. In a layout
// that readers know each has a text, so there is nothing to report.
func (s *Scanner) complete() {
	l, shared := s.layouts.last, s.fields.Layout
	if shared.Plan == nil {
		l.wanted = nil // the next plan wants others
	}
	s.fields.Clear()
	s.fields.Layout = shared
	s.noteAll(l)
}

// pickWanted notes which values a reader wants.
func (l *layout) pickWanted(wanted []int32) {
	l.wanted = make([]pick, len(wanted))
	for i, number := range wanted {
		l.wanted[i] = l.picks[number]
	}
}

// fill fills the texts in, and reports whether each is there or of a map.
func (s *Scanner) fill(picks []pick) bool {
	f, places := s.fields, &s.layouts.places
	texts := slices.Grow(f.Texts[:0], len(picks))[:len(picks)]
	f.Texts = texts
	for i := range texts {
		p := &picks[i]
		// Places are never behind the last one; the remainder spares a check.
		texts[i] = fields.Text{
			Start: places[p.start%uint16(len(places))] + int32(p.startAway),
			End:   places[p.end%uint16(len(places))] + int32(p.endAway),
		}
		if p.form != aString && !fillOther(f, &texts[i], p.form) {
			f.Clear()
			return false
		}
	}
	return true
}

// fillOther fills in the text of what is not known to be a string and begins at
// t.Start, and reports whether it has one or stands for a map.
func fillOther(f *fields.Fields, t *fields.Text, form form) (ok bool) {
	if form == aMap {
		*t = fields.Nowhere
		return true
	}
	at := int(t.Start)
	c, body, size := header(f.Chunk, at)
	*t, ok = textOf(f, c, at, body, size)
	return ok
}
