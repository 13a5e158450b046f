package event

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Fields are the values of one event at the paths of a [Scanner], in the order
// in which they stand in the event. They satisfy rules.Fields.
type Fields struct {
	chunk   []byte
	values  []value
	ends    []ends // by path; those of the event that the Scanner is at, for all Fields of it
	scratch []byte // the text of scalars that are not strings
}

// The ends are the first and the last value at a path; first is -1 if there is
// none.
type ends struct{ first, last int32 }

// A value is one scalar, or stands for a map. It has offsets instead of slices:
// the chunk belongs to the host, and nothing here may keep a pointer into it.
type value struct {
	path, next int32
	start, end int32
	at         int32 // where it stands in the chunk
	in         source
}

type source uint8

const (
	inChunk source = iota
	inScratch
	nowhere
)

func newEnds(paths int) []ends {
	e := make([]ends, paths)
	for i := range e {
		e[i].first = -1
	}
	return e
}

// noteScalar notes a scalar as the text that JSON has for it. Nil and ext are
// no values.
func (f *Fields) noteScalar(path int32, c class, i, body, size int) {
	if start, end, in, ok := f.textOf(c, i, body, size); ok {
		f.note(path, i, start, end, in)
	}
}

// textOf returns where the text is of a scalar, and whether it has one.
func (f *Fields) textOf(c class, i, body, size int) (start, end int, in source, ok bool) {
	if c == text {
		return body, body + size, inChunk, true
	}
	start = len(f.scratch)
	data := f.chunk[body : body+size]
	switch c {
	case scalarBool:
		f.scratch = strconv.AppendBool(f.scratch, f.chunk[i] == 0xc3)
	case scalarInt:
		f.scratch = appendInt(f.scratch, f.chunk[i], data)
	case scalarFloat:
		f.scratch = appendFloat(f.scratch, data)
	default:
		return 0, 0, nowhere, false
	}
	return start, len(f.scratch), inScratch, true
}

// appendInt appends the decimal text of an integer with the given format byte
// and body.
func appendInt(dst []byte, format byte, body []byte) []byte {
	if len(body) == 0 {
		return strconv.AppendInt(dst, int64(int8(format)), 10)
	}
	var u uint64
	for _, b := range body {
		u = u<<8 | uint64(b)
	}
	if format < 0xd0 {
		return strconv.AppendUint(dst, u, 10)
	}
	unused := 64 - 8*len(body)
	return strconv.AppendInt(dst, int64(u<<unused)>>unused, 10)
}

// appendFloat appends the decimal text of a float of 4 or 8 bytes.
func appendFloat(dst, body []byte) []byte {
	if len(body) == 4 {
		x := math.Float32frombits(binary.BigEndian.Uint32(body))
		return strconv.AppendFloat(dst, float64(x), 'f', -1, 32)
	}
	return strconv.AppendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(body)), 'f', -1, 64)
}

func (f *Fields) note(path int32, at, start, end int, in source) {
	number := int32(len(f.values))
	f.values = append(f.values, value{path: path, next: -1, at: int32(at), start: int32(start), end: int32(end), in: in})
	of := &f.ends[path]
	if of.first < 0 {
		of.first = number
	} else {
		f.values[of.last].next = number
	}
	of.last = number
}

// maxKept is for how many values of an event memory is kept from chunk to chunk.
const maxKept = 4096

// reset forgets everything and takes a new chunk.
func (f *Fields) reset(chunk []byte) {
	f.leave()
	f.clear()
	if cap(f.values) > maxKept || cap(f.scratch) > 16*maxKept {
		f.values, f.scratch = nil, nil
	}
	f.chunk = chunk
}

// leave makes room for the ends of another event.
func (f *Fields) leave() {
	for i := range f.values {
		f.ends[f.values[i].path].first = -1
	}
}

// clear forgets the values of an event that was left.
func (f *Fields) clear() {
	f.values = f.values[:0]
	f.scratch = f.scratch[:0]
}

// Len returns how many values the event has at the paths.
func (f *Fields) Len() int { return len(f.values) }

// Path returns the path of value i.
func (f *Fields) Path(i int) int { return int(f.values[i].path) }

// First returns the first value at path, -1 if there is none. Unlike the rest, it
// is lost when the Scanner goes to the next event.
func (f *Fields) First(path int) int { return int(f.ends[path].first) }

// Next returns the next value at the same path as value i, -1 after the last.
func (f *Fields) Next(i int) int { return int(f.values[i].next) }

// Text returns the text of value i: a string as it is, another scalar as JSON
// writes it, nil for a map. It is a view, valid as long as the Fields are.
func (f *Fields) Text(i int) []byte {
	v := f.values[i]
	switch v.in {
	case inChunk:
		return f.chunk[v.start:v.end]
	case inScratch:
		return f.scratch[v.start:v.end]
	}
	return nil
}
