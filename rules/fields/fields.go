// Package fields has the values of log events at the paths of a rule set. A
// scanner fills them in, the rules read them. It knows neither what an event looks
// like nor what a value means.
package fields

import "math"

// Fields are the values of one event, in the order in which they stand there, or
// if they are Planned, the texts that a plan wants and nothing else; see [Layout]. A
// path is told by its index; one can have several values (an array) or none. They
// belong to who fills them, and may be read by one goroutine at a time.
type Fields struct {
	*Common
	Texts   []Text  // by value
	Layout  *Layout // of the event, nil if it has none
	Planned bool    // there are the texts that the plan of the layout wants, not all
	Values  []Value // those of the layout, or noted
	Scratch []byte  // the text of scalars that are not strings

	noted []Value
}

// Common is what all Fields of one scanner have.
type Common struct {
	Chunk []byte // a view, in which their events are
	Ends  []Ends // by path; those of the event that was read last

	// Complete has the Fields that were filled in last get all values if they are
	// Planned, as if there were no plan.
	Complete func()
}

// A Value is one scalar, or stands for a map.
type Value struct {
	Path int32
	Next int32 // the next value at the same path, -1 after the last
	At   int32 // where it stands in the chunk, if it was walked to
}

// A Text is where the text of a value begins and ends in the chunk. It has offsets
// instead of a slice: the chunk belongs to the host, and nothing here may keep a
// pointer into it. If the start is negative, the text is not there; see InScratch.
type Text struct{ Start, End int32 }

// InScratch is the text from start to end in the Scratch.
func InScratch(start, end int) Text { return Text{^int32(start), int32(end)} }

// Nowhere is that of a value that stands for a map.
var Nowhere = Text{math.MinInt32, 0}

// Ends are the first and the last value at a path; First is -1 if there is none.
type Ends struct{ First, Last int32 }

// NewEnds returns the ends of an event without values.
func NewEnds(paths int) []Ends {
	e := make([]Ends, paths)
	for i := range e {
		e[i].First = -1
	}
	return e
}

// Note adds a value with that path, which stands there in the chunk.
func (f *Fields) Note(path, at int32, t Text) {
	number := int32(len(f.noted))
	f.noted = append(f.noted, Value{Path: path, Next: -1, At: at})
	f.Values, f.Texts = f.noted, append(f.Texts, t)
	of := &f.Ends[path]
	if of.First < 0 {
		of.First = number
	} else {
		f.noted[of.Last].Next = number
	}
	of.Last = number
}

// MaxKept is for how many values of an event memory is kept for the next one.
const MaxKept = 4096

// LetGo lets go of memory for more than is kept.
func (f *Fields) LetGo() {
	if max(cap(f.noted), cap(f.Texts)) > MaxKept || cap(f.Scratch) > 16*MaxKept {
		f.Values, f.noted, f.Texts, f.Scratch = nil, nil, nil, nil
	}
}

// Leave makes room for the ends of another event.
func (f *Fields) Leave() {
	if f.Planned {
		return // it has none
	}
	for i := range f.Values {
		f.Ends[f.Values[i].Path].First = -1
	}
}

// Clear forgets the values of an event that was left.
func (f *Fields) Clear() {
	f.noted, f.Texts, f.Scratch = f.noted[:0], f.Texts[:0], f.Scratch[:0]
	f.Values, f.Layout, f.Planned = f.noted, nil, false
}

// Len returns how many values there are.
func (f *Fields) Len() int { return len(f.Values) }

// Path returns the path of value i.
func (f *Fields) Path(i int) int { return int(f.Values[i].Path) }

// First returns the first value at path, -1 if there is none. Unlike the rest, it is
// lost when the next event is read.
func (f *Fields) First(path int) int { return int(f.Ends[path].First) }

// Next returns the next value at the same path as value i, -1 after the last.
func (f *Fields) Next(i int) int { return int(f.Values[i].Next) }

// Text returns the text of value i: a string as it is, another scalar as JSON
// writes it, nil for a map. It is a view, valid as long as the Fields are.
func (f *Fields) Text(i int) []byte {
	t := f.Texts[i]
	if t.Start >= 0 {
		return f.Chunk[t.Start:t.End]
	}
	return f.otherText(t)
}

func (f *Fields) otherText(t Text) []byte {
	if t == Nowhere {
		return nil
	}
	return f.Scratch[^t.Start:t.End]
}
