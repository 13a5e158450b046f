package event

import (
	"slices"

	"fluent-bit-misp/rules/fields"
)

// lessons are what a Scanner needs to learn layouts.
type lessons struct {
	seen   [512]uint64 // keys of records that were walked
	credit int
	leaves []leaf // of the record that is learnt from
}

// A leaf is a scalar of a record that has a text, or stands for a map.
type leaf struct {
	at, body, end int32 // in the record: where it begins, its body, and the offset behind it
	path          int32 // -1 if it is not wanted
	free          bool  // it is not the same in all records of the layout
	moves         bool  // nor is its header, which says format and size
	scalar        bool  // it is not a string in all of them
	object        bool  // it stands for a map, and has no bytes itself
}

// Learning costs as much as to walk a few records, and memory. A layout is learnt
// once its key comes again, and that from one in so many records that must be
// walked; at the beginning, and after a while, from some more.
const (
	lesson    = 16
	maxCredit = 128 * lesson
	maxLearnt = 4 << 10 // bytes of a record
	maxLeaves = 160     // so that there is a place for each
	_         = uint(len(places{}) - 2*maxLeaves - 1)
	_         = uint(1<<16 - 1 - maxLearnt - readAhead)
)

// learn learns the layout of the record from i to end, which was walked.
func (s *Scanner) learn(key uint64, i, end int) {
	l := &s.layouts
	l.credit = min(l.credit+1, maxCredit)
	seen := &l.seen[key>>groupBits%uint64(len(l.seen))]
	if *seen != key {
		*seen = key
		return
	}
	if l.credit < lesson || end-i > maxLearnt {
		return
	}
	l.credit -= lesson
	record := s.common.Chunk[i:end]
	l.leaves = l.leaves[:0]
	if l.find(record, 0, 0) != len(record) || !l.name(s.fields, i) {
		return
	}
	g := l.group(key)
	for way, known := range g.layouts {
		if known != nil && g.keys[way] == key && known.join(record, l.leaves) {
			return
		}
	}
	way := g.makeRoom()
	g.keys[way] = key
	g.layouts[way].begin(record, l.leaves, s.fields.Values)
}

// makeRoom returns the layout that gives way: one that is not used, or not much.
func (g *group) makeRoom() (way int) {
	for w, l := range g.layouts {
		if l == nil {
			g.layouts[w] = &layout{}
			return w
		}
		if l.uses < g.layouts[way].uses {
			way = w
		}
		l.uses /= 2
	}
	return way
}

// find finds the leaves of the value at b[i], and returns the offset behind it,
// -1 if it is not fit to be learnt from.
func (l *lessons) find(b []byte, i, nesting int) int {
	c, body, n := header(b, i)
	if c == invalid || nesting > maxNesting || len(l.leaves) == maxLeaves {
		return -1
	}
	switch c {
	case mapping:
		l.leaves = append(l.leaves, leaf{at: int32(i), body: int32(i), end: int32(i), path: -1, object: true})
		for i = body; n > 0 && i >= 0; n-- {
			if i = skip(b, i); i >= 0 {
				i = l.find(b, i, nesting+1)
			}
		}
		return i
	case array:
		for i = body; n > 0 && i >= 0; n-- {
			i = l.find(b, i, nesting+1)
		}
		return i
	case scalarNil, ext:
		// They have no text. Where one is wanted the walk does not say so: they
		// are part of what is the same.
	default:
		l.leaves = append(l.leaves, leaf{at: int32(i), body: int32(body), end: int32(body + n), path: -1, scalar: c != text})
	}
	return body + n
}

// name gives the leaves the paths at which the walk noted them, and reports
// whether it noted nothing else.
func (l *lessons) name(f *fields.Fields, record int) bool {
	k := 0
	for i := range f.Values {
		v := &f.Values[i]
		for k < len(l.leaves) && int(l.leaves[k].at)+record != int(v.At) {
			k++
		}
		if k == len(l.leaves) {
			return false
		}
		l.leaves[k].path = v.Path
	}
	return true
}

// begin makes l the layout of a record. The values are those that the walk noted:
// they have the same paths, in the same order, wherever they stand.
func (l *layout) begin(record []byte, leaves []leaf, values []fields.Value) {
	l.uses = 0
	l.sample, l.leaves = append(l.sample[:0], record...), append(l.leaves[:0], leaves...)
	l.values, l.picks = slices.Clone(values), make([]pick, len(values))
	l.build()
}

// join notes what is different in another record, and reports whether that has
// this layout.
func (l *layout) join(record []byte, leaves []leaf) bool {
	if len(leaves) != len(l.leaves) {
		return false
	}
	end, otherEnd := int32(0), int32(0) // of the leaf before
	for i := range leaves {
		leaf, other := &l.leaves[i], &leaves[i]
		if leaf.object != other.object || string(l.sample[end:leaf.at]) != string(record[otherEnd:other.at]) {
			return false
		}
		end, otherEnd = leaf.end, other.end
	}
	if string(l.sample[end:]) != string(record[otherEnd:]) {
		return false
	}
	for i := range leaves {
		leaf, other := &l.leaves[i], &leaves[i]
		leaf.free = leaf.free || string(l.sample[leaf.at:leaf.end]) != string(record[other.at:other.end])
		leaf.moves = leaf.moves || string(l.sample[leaf.at:leaf.body]) != string(record[other.at:other.body])
		leaf.scalar = leaf.scalar || other.scalar
	}
	l.build()
	return true
}

// build makes of the sample what records are compared with.
func (l *layout) build() {
	l.fixed, l.masks, l.parts, l.wanted = l.fewFixed[:readAhead], l.fewMasks[:0], l.fewParts[:0], nil
	l.own, l.shared = fields.Layout{}, &l.own
	value, first, begin := 0, 0, int32(0) // of the part
	for i := range l.leaves {
		leaf, place := &l.leaves[i], uint16(2*len(l.parts))
		if leaf.path >= 0 {
			l.picks[value] = leaf.place(place, begin)
			l.share(leaf)
			value++
		}
		if leaf.moves {
			l.part(begin, leaf.at, l.leaves[first:i]).text = leaf.path >= 0 && !leaf.scalar
			first, begin = i+1, leaf.end
		}
	}
	l.part(begin, int32(len(l.sample)), l.leaves[first:]).last = true
	l.fixed = append(l.fixed, make([]byte, readAhead)...)
}

// part adds and returns a part that is those bytes of the sample, with leaves in it
// that do not move.
func (l *layout) part(begin, end int32, leaves []leaf) *part {
	size, masks := int(end-begin), len(l.masks)
	l.parts = append(l.parts, part{at: uint16(len(l.fixed)), size: uint16(size), masks: uint16(masks)})
	l.fixed = append(l.fixed, l.sample[begin:end]...)
	for at := 0; at == 0 || at < size; at += block {
		l.masks = append(l.masks, 1<<min(size-at, block)-1)
	}
	for i := range leaves {
		for at := leaves[i].body; leaves[i].free && at < leaves[i].end; at++ {
			l.masks[masks+int(at-begin)/block] &^= 1 << (int(at-begin) % block)
		}
	}
	return &l.parts[len(l.parts)-1]
}

// share has readers know of the next value. One that is not a string can be nil
// in another record, which does not have it then, unless it keeps its format; of
// those there are few.
func (l *layout) share(value *leaf) {
	switch {
	case value.free && value.scalar:
		l.shared = nil
	case l.shared != nil:
		l.shared.Free = append(l.shared.Free, value.free)
	}
}

// place says where the text of the leaf is, which stands in or behind the part that
// begins there and has its places from there on.
func (l *leaf) place(place uint16, begin int32) pick {
	switch {
	case l.object:
		return pick{form: aMap}
	case l.scalar:
		return pick{start: place, startAway: uint16(l.at - begin), form: aScalar}
	case l.moves:
		return pick{start: place + 1, end: place + 2}
	}
	return pick{start: place, end: place, startAway: uint16(l.body - begin), endAway: uint16(l.end - begin)}
}
