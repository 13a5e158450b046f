package enrich

import (
	"encoding/binary"

	"fluent-bit-misp/enrich/event"
)

// A writer encodes added fields as msgpack and counts the fields of the map
// that it is in. The zero writer is ready to use.
type writer struct {
	buf   []byte
	pairs int // fields written in the map that is open
}

func (w *writer) string(s string) { w.buf = event.AppendString(w.buf, s) }
func (w *writer) int(n int64)     { w.buf = event.AppendInt(w.buf, n) }
func (w *writer) bool(b bool)     { w.buf = event.AppendBool(w.buf, b) }

func (w *writer) strings(all []string) {
	w.buf = event.AppendArray(w.buf, len(all))
	for _, s := range all {
		w.string(s)
	}
}

// key begins a field.
func (w *writer) key(name string) {
	w.pairs++
	w.string(name)
}

// The fields that are left out when there is nothing to say.

func (w *writer) stringField(name, s string) {
	if s != "" {
		w.key(name)
		w.string(s)
	}
}

func (w *writer) intField(name string, n int64) {
	if n != 0 {
		w.key(name)
		w.int(n)
	}
}

func (w *writer) stringsField(name string, all []string) {
	if len(all) > 0 {
		w.key(name)
		w.strings(all)
	}
}

// object writes the map whose fields the function writes.
func (w *writer) object(fields func()) {
	at, outer := len(w.buf), w.pairs
	w.buf = append(w.buf, 0xde, 0, 0)
	w.pairs = 0
	fields()
	binary.BigEndian.PutUint16(w.buf[at+1:], uint16(w.pairs))
	w.pairs = outer
}

// objects writes an array of n maps.
func (w *writer) objects(n int, fields func(i int)) {
	w.buf = event.AppendArray(w.buf, n)
	for i := range n {
		w.object(func() { fields(i) })
	}
}
