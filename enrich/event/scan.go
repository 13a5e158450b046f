package event

import (
	"math"

	"fluent-bit-misp/rules/fields"
)

// An Event is one log event of a chunk, told by offsets into it.
type Event struct {
	Start, End int // where the event begins, and the offset behind it
	Record     int // where the record, a map, begins
	Body       int // where the record's first key begins
	Pairs      int // how many fields the record has
}

// A Scanner walks the events of a chunk and notes the values at its paths. It
// keeps its memory from chunk to chunk and must not be used concurrently.
type Scanner struct {
	paths   *Paths
	at      int // where the next event begins
	next    upcoming
	passed  int
	turn    int // of the event, in the rings
	events  [Kept]Event
	ring    [Kept]fields.Fields
	common  fields.Common  // with the chunk
	walked  bool           // an event of the chunk was
	fields  *fields.Fields // of the event
	layouts layouts
}

// An upcoming event is what is known of the next one before it is read.
type upcoming struct {
	record, body, pairs int    // see Event; the record is -1 if there is none, or it is no map
	key                 uint64 // see keyOf
}

// Kept is how many events the values of one are kept, itself included.
const Kept = 16

// maxNesting bounds how deep arrays within arrays are followed.
const maxNesting = 32

// NewScanner returns a scanner for paths. Reset gives it its first chunk.
func NewScanner(paths *Paths) *Scanner {
	s := &Scanner{paths: paths}
	s.common = fields.Common{Ends: fields.NewEnds(paths.count), Complete: s.complete}
	for i := range s.ring {
		s.ring[i].Common = &s.common
	}
	s.fields = &s.ring[0]
	s.layouts.credit = maxCredit
	return s
}

// Reset begins the scan of a chunk, a view that must stay as it is until the
// next Reset. Reset(nil) lets go of it.
func (s *Scanner) Reset(chunk []byte) {
	if len(chunk) > math.MaxInt32 {
		chunk = nil // no host makes one; offsets are 32 bits wide
	}
	s.fields.Leave()
	s.fields.Clear()
	if s.walked { // only then there can be much: a layout has maxLeaves values at most
		for i := range s.ring {
			s.ring[i].LetGo()
		}
		s.walked = false
	}
	s.common.Chunk, s.passed = chunk, 0
	s.goTo(0)
}

// Next goes to the next event whose record is a map, and reports whether there
// is one. Anything else is passed over and counted; what is not msgpack ends
// the scan.
func (s *Scanner) Next() bool {
	s.fields.Leave()
	turn := (s.turn + 1) % Kept
	s.fields = &s.ring[turn]
	s.fields.Clear()
	for s.at < len(s.common.Chunk) {
		start, next := s.at, s.next
		if next.record < 0 {
			end := skip(s.common.Chunk, start)
			if end < 0 {
				break
			}
			s.passed++
			s.goTo(end)
			continue
		}
		if !s.read(&next) {
			s.fields.Leave()
			break
		}
		s.turn = turn
		s.events[turn] = Event{Start: start, End: s.at, Record: next.record, Body: next.body, Pairs: next.pairs}
		return true
	}
	s.fields.Clear()
	if s.at != len(s.common.Chunk) {
		s.passed++
		s.at = len(s.common.Chunk)
	}
	return false
}

// goTo has the event at i come next, if that is not the end. What is needed for it
// comes from memory until it is read.
func (s *Scanner) goTo(i int) {
	s.at = i
	if i == len(s.common.Chunk) {
		return
	}
	n := &s.next
	if n.record, n.body, n.pairs = s.envelope(i); n.record >= 0 {
		if n.key = keyOf(s.common.Chunk, n.body); n.key != 0 {
			s.layouts.foresee(n.key)
		}
	}
}

// read notes the values of a record and goes on to the event behind it. It reports
// whether the record is whole.
func (s *Scanner) read(next *upcoming) bool {
	if next.key != 0 && s.follow(next.key, next.record) {
		return true
	}
	s.walked = true
	end := s.walkMap(&s.paths.nodes[0], next.body, next.pairs, 0)
	if end < 0 {
		return false
	}
	if next.key != 0 {
		s.learn(next.key, next.record, end)
	}
	s.goTo(end)
	return true
}

// Event returns the event that Next went to.
func (s *Scanner) Event() Event { return s.Before(0) }

// Before returns the event that many before that, of the last Kept ones.
func (s *Scanner) Before(n int) Event { return s.events[(s.turn+Kept-n)%Kept] }

// Fields returns the values of the event that Next went to. They are the scanner's
// own, and stay as they are until Next was called Kept times more, or Reset; but see
// [fields.Fields.First].
func (s *Scanner) Fields() *fields.Fields { return s.fields }

// Passed returns how many events of the chunk so far were passed over because
// they are not events, or their record is no map. Bytes that are not msgpack
// count as one, up to the end of the chunk.
func (s *Scanner) Passed() int { return s.passed }

// envelope finds the record of the event at i, its first key, and how many pairs it
// has; the record is -1 if there is none, or it is no map. An event is an array of
// two, the record behind a header: [timestamp, metadata], or in chunks of before
// Fluent Bit 2.1 the timestamp alone.
func (s *Scanner) envelope(i int) (record, body, pairs int) {
	// As Fluent Bit has written nearly all of them: without metadata, and both maps in
	// the longest format, or in the shortest.
	record = -1
	if b := s.common.Chunk[i:]; len(b) > 17 && string(b[:4]) == "\x92\x92\xd7\x00" {
		switch {
		case string(b[12:18]) == "\xdf\x00\x00\x00\x00\xdf":
			record = i + 17
		case b[12] == 0x80 && b[13]&0xf0 == 0x80:
			record = i + 13
		}
	}
	if record < 0 {
		c, i, n := header(s.common.Chunk, i)
		if c != array || n != 2 {
			return -1, 0, 0
		}
		if record = skip(s.common.Chunk, i); record < 0 {
			return -1, 0, 0
		}
	}
	c, body, pairs := header(s.common.Chunk, record)
	if c != mapping {
		return -1, 0, 0
	}
	return record, body, pairs
}

// walkMap walks the pairs of a map beside node n, from the first key at i, and
// returns the offset behind the map, -1 if it is not whole. A scalar under a
// key that no path goes on with is a value of the path that ends in n: where a
// field is expected and an object of scalars comes, these are taken.
func (s *Scanner) walkMap(n *node, i, pairs, nesting int) int {
	b := s.common.Chunk
	for ; pairs > 0; pairs-- {
		if uint(i) >= uint(len(b)) {
			return -1
		}
		// The format of nearly every key, before the general way.
		span := b[i] - 0xa0
		body, end := i+1, i+1+int(span)
		if span >= spans || end >= len(b) {
			c, from, size := header(b, i)
			if c != text {
				if i = skip(b, i); i >= 0 {
					i = skip(b, i)
				}
				if i < 0 {
					return -1
				}
				continue
			}
			if body, end, span = from, from+size, spanOf(size); end == len(b) {
				return -1
			}
		}
		child := int32(0)
		if n.leads(span, b[body]) {
			if body < end {
				child = s.paths.child(n, b, body, end)
			} else {
				child = n.fan.any
			}
		}
		switch {
		case child != 0:
			i = s.walkValue(&s.paths.nodes[child], end, nesting)
		case n.path >= 0:
			i = s.walkLoose(n.path, end)
		case b[end]-0xa0 < 0x20: // as skip, without a call
			i = end + 1 + int(b[end]&0x1f)
		default:
			i = skip(b, end)
		}
		if i < 0 {
			return -1
		}
	}
	if i > len(b) {
		return -1
	}
	return i
}

// walkValue walks the value at i, which stands where node n is, and returns the
// offset behind it, -1 if it is not whole.
func (s *Scanner) walkValue(n *node, i, nesting int) int {
	if i < len(s.common.Chunk) && n.path >= 0 {
		// The format of nearly every value that is wanted.
		f := s.common.Chunk[i]
		if end := i + 1 + int(f&0x1f); f >= 0xa0 && f < 0xc0 && end <= len(s.common.Chunk) {
			s.fields.Note(n.path, int32(i), fields.Text{Start: int32(i + 1), End: int32(end)})
			return end
		}
	}
	c, body, size := header(s.common.Chunk, i)
	switch c {
	case mapping:
		if n.path >= 0 {
			s.fields.Note(n.path, int32(i), fields.Nowhere)
		}
		return s.walkMap(n, body, size, nesting)
	case array:
		if nesting >= maxNesting {
			return skip(s.common.Chunk, i)
		}
		for i = body; size > 0 && i >= 0; size-- {
			i = s.walkValue(n, i, nesting+1)
		}
		return i
	case invalid:
		return -1
	}
	if n.path >= 0 {
		noteScalar(s.fields, n.path, c, i, body, size)
	}
	return body + size
}

// walkLoose notes the value at i for path if it is a scalar.
func (s *Scanner) walkLoose(path int32, i int) int {
	c, body, size := header(s.common.Chunk, i)
	if c == mapping || c == array {
		return skip(s.common.Chunk, i)
	}
	if c == invalid {
		return -1
	}
	noteScalar(s.fields, path, c, i, body, size)
	return body + size
}
