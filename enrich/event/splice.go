package event

import "encoding/binary"

// An Edit gives the record of one event more fields.
type Edit struct {
	Event Event
	// Fields are msgpack keys and values in turn, Pairs of each.
	Fields []byte
	Pairs  int
	// Drop are fields of the record to leave out, in ascending order: those
	// that Fields has anew.
	Drop []Span
}

// A Span is a part of a chunk: one field of a record, key and value.
type Span struct{ Start, End int }

// SplicedSize returns how long the chunk is with the edits made.
func SplicedSize(chunk []byte, edits []Edit) int {
	size := len(chunk)
	for i := range edits {
		e := &edits[i]
		size += mapHeaderSize(e.pairs()) - (e.Event.Body - e.Event.Record) + len(e.Fields)
		for _, d := range e.Drop {
			size -= d.End - d.Start
		}
	}
	return size
}

// Splice writes the chunk with the edits made into dst, which has the length
// that SplicedSize tells. The edits are of different events of this chunk, in
// its order. Added fields stand behind those of the record; every byte that no
// edit names is copied.
func Splice(dst, chunk []byte, edits []Edit) {
	from := 0
	for i := range edits {
		e := &edits[i]
		dst = dst[copy(dst, chunk[from:e.Event.Record]):]
		dst = dst[putMapHeader(dst, e.pairs()):]
		from = e.Event.Body
		for _, d := range e.Drop {
			dst = dst[copy(dst, chunk[from:d.Start]):]
			from = d.End
		}
		dst = dst[copy(dst, chunk[from:e.Event.End]):]
		dst = dst[copy(dst, e.Fields):]
		from = e.Event.End
	}
	copy(dst, chunk[from:])
}

// pairs returns how many fields the record has after the edit.
func (e *Edit) pairs() int { return e.Event.Pairs + e.Pairs - len(e.Drop) }

// Spans calls found for each field of the record of an event that a Scanner
// went to, with its key. Fields whose key is no string are left out.
func (e Event) Spans(chunk []byte, found func(key []byte, field Span)) {
	i := e.Body
	for range e.Pairs {
		c, body, n := header(chunk, i)
		end := skip(chunk, skip(chunk, i))
		if c == text {
			found(chunk[body:body+n], Span{Start: i, End: end})
		}
		i = end
	}
}

func mapHeaderSize(pairs int) int {
	switch {
	case pairs < 1<<4:
		return 1
	case pairs < 1<<16:
		return 3
	}
	return 5
}

func putMapHeader(dst []byte, pairs int) int {
	switch size := mapHeaderSize(pairs); size {
	case 1:
		dst[0] = 0x80 | byte(pairs)
		return size
	case 3:
		dst[0] = 0xde
		binary.BigEndian.PutUint16(dst[1:], uint16(pairs))
		return size
	default:
		dst[0] = 0xdf
		binary.BigEndian.PutUint32(dst[1:], uint32(pairs))
		return size
	}
}
