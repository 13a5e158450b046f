package ioc

import (
	"strings"
	"unsafe"
)

// An Indicator is a canonical value with its kind. Only this package makes
// one, so to hold an Indicator is to know that its value is safe to send to
// MISP. Indicators are comparable and serve as map keys; two are equal if they
// are of one kind and have the same canonical text. The zero Indicator is none.
//
// An Indicator from a [Buffer] is a view of that buffer: valid until its next
// Reset. Whatever is kept longer is kept as a [Indicator.Clone].
type Indicator struct {
	key string // the kind as one byte, then the canonical text
}

// Kind returns what the indicator is; None for the zero Indicator.
func (i Indicator) Kind() Kind {
	if i.key == "" {
		return None
	}
	return Kind(i.key[0])
}

// Value returns the canonical text.
func (i Indicator) Value() string {
	if i.key == "" {
		return ""
	}
	return i.key[1:]
}

// Key returns kind and value as one string, the same for equal indicators.
func (i Indicator) Key() string { return i.key }

// Fold returns the Key with its value in lower case: MISP compares without
// regard to case, so that two indicators with the same Fold have the same hits.
func (i Indicator) Fold() string { return strings.ToLower(i.key) }

// IsZero reports whether i is the zero Indicator.
func (i Indicator) IsZero() bool { return i.key == "" }

// Clone returns the indicator in memory of its own.
func (i Indicator) Clone() Indicator { return Indicator{strings.Clone(i.key)} }

// String returns the indicator for people: "domain evil.example".
func (i Indicator) String() string { return i.Kind().String() + " " + i.Value() }

// A Buffer normalises values and holds the text of the indicators that it
// made, so that a chunk of events costs no allocation per value. The zero
// Buffer is ready to use. It must not be used concurrently.
type Buffer struct {
	text []byte
	free []byte // what Text works on
}

// Reset forgets every indicator that the buffer made and keeps its memory.
func (b *Buffer) Reset() { b.text = b.text[:0] }

// Add normalises raw, a value as a log has it, to an indicator of kind k. On
// success the Reason is OK; otherwise it says why raw is no such indicator.
// Raw is only read.
func (b *Buffer) Add(k Kind, raw []byte) (Indicator, Reason) {
	if k == None || k >= NumKinds {
		return Indicator{}, Malformed
	}
	raw = trim(raw)
	if len(raw) == 0 {
		return Indicator{}, Empty
	}
	if absent(raw) {
		return Indicator{}, NoValue
	}
	start := len(b.text)
	b.text = append(b.text, byte(k))
	var reason Reason
	if b.text, reason = kinds[k].append(b.text, raw); reason != OK {
		b.text = b.text[:start]
		return Indicator{}, reason
	}
	return Indicator{view(b.text[start:])}, OK
}

// view returns text as a string, for as long as text does not change.
func view(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// Normalize is Add for a single value: the indicator has memory of its own.
func Normalize(k Kind, raw string) (Indicator, Reason) {
	var b Buffer
	return b.Add(k, []byte(raw))
}
