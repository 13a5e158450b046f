package event

import (
	"encoding/binary"

	"fluent-bit-misp/rules/fields"
)

// A layout is how the records of one kind stand in memory: what is the same in
// all of them, and the values between that. The alerts of a rule differ in a
// dozen values, so a record that is laid out like those before it is compared
// with them, and not walked key by key. What comes out is the same.
type layout struct {
	fixed  []byte // what is the same, one after the other
	parts  []part
	values []fields.Value // as the Fields have them, but for where they stand
	notes  []note         // which says that

	uses   uint32 // how often it served, halved now and then
	sample []byte // one of the records
	leaves []leaf // its scalars
}

// A part is as many bytes that are the same, and the value behind them, which
// there is not behind the last.
type part struct {
	fixed uint16
	text  bool // the value must be a string
}

// A note says where a value stands: at offsets to two of the places. Of what is
// not known to be a string, the start is where its format stands.
type note struct {
	start, end         uint16 // places
	startAway, endAway uint16
	scalar             bool // it need not be a string
}

// The places of part k are those from 3k on: where it begins, where its value
// begins, and where the body of that does. The next part begins behind the value.
type places [512]int32

// layouts are those of the records that came lately. They belong to a Scanner.
type layouts struct {
	groups [1 << groupBits]group // by the upper bits of their keys
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
	word := func(k int) uint64 { return binary.LittleEndian.Uint64(b[i+8*k:]) }
	one := word(0)*0x9e3779b97f4a7c15 ^ word(1)
	two := word(2)*0xc2b2ae3d27d4eb4f ^ word(3)
	three := word(4)*0x165667b19e3779f9 ^ word(5)
	return (one^two>>29^two<<35)*0x9e3779b97f4a7c15 ^ three*0xd6e8feb86659fd93 | 1
}

// follow notes the values of the record at i if it is laid out like one before
// with that key, and returns the offset behind it, otherwise -1.
func (s *Scanner) follow(key uint64, i int) int {
	g := &s.layouts.groups[key>>(64-groupBits)]
	for way := range g.keys {
		if g.keys[way] != key {
			continue
		}
		l := g.layouts[way]
		if end := s.along(l, i); end >= 0 && s.fill(l) {
			l.uses++
			return end
		}
	}
	return -1
}

// along finds the places in the record at i, and returns the offset behind it,
// -1 if it is not laid out like that.
func (s *Scanner) along(l *layout, i int) int {
	b, fixed, places, place := s.chunk, l.fixed, &s.layouts.places, 0
	for k := range l.parts {
		p := &l.parts[k]
		n := int(p.fixed)
		if len(b)-i < n || string(b[i:i+n]) != string(fixed[:n]) {
			return -1
		}
		places[place%len(places)] = int32(i)
		i += n
		if k == len(l.parts)-1 {
			break
		}
		fixed = fixed[n:]
		if i+1 >= len(b) {
			return -1
		}
		// The two formats of nearly all values, without a branch between them.
		at, f := i, b[i]
		body, size := at+1, int(f&0x1f)
		if long := int(b[at+1]); f == 0xd9 {
			body, size = at+2, long
		}
		if f-0xa0 >= 0x20 && f != 0xd9 {
			var c class
			c, body, size = header(b, at)
			if c == array || c == mapping || c == invalid || p.text && c != text {
				return -1
			}
		}
		places[(place+1)%len(places)], places[(place+2)%len(places)] = int32(at), int32(body)
		place += 3
		i = body + size
	}
	return i
}

// fill notes the values whose places were found, and reports whether they are as
// many as ever.
func (s *Scanner) fill(l *layout) bool {
	f, places := s.fields, &s.layouts.places
	f.Values = append(f.Values, l.values...)
	for i := len(l.notes) - 1; i >= 0; i-- { // the first value at a path comes last
		n, v := &l.notes[i], &f.Values[i]
		v.Start = places[n.start%uint16(len(places))] + int32(n.startAway)
		v.End = places[n.end%uint16(len(places))] + int32(n.endAway)
		f.Ends[v.Path].First = int32(i)
		if n.scalar && !fillScalar(f, v) {
			f.Leave()
			f.Clear()
			return false
		}
	}
	return true
}

// fillScalar makes of the value that begins at v.Start its text, and reports
// whether it has one.
func fillScalar(f *fields.Fields, v *fields.Value) bool {
	at := int(v.Start)
	c, body, size := header(f.Chunk, at)
	start, end, in, ok := textOf(f, c, at, body, size)
	v.Start, v.End, v.In = int32(start), int32(end), in
	return ok
}
