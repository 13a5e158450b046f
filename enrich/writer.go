package enrich

import (
	"bytes"
	"encoding/binary"

	"github.com/vmihailenco/msgpack/v5"
)

// A writer encodes added fields as msgpack and counts the fields of the map
// that it is in. It writes to memory, which does not fail, and only what
// msgpack can hold, so the encoder has no error to report.
type writer struct {
	buf   bytes.Buffer
	enc   *msgpack.Encoder
	pairs int // fields written in the map that is open
}

func newWriter() *writer {
	w := &writer{}
	w.enc = msgpack.NewEncoder(&w.buf)
	w.enc.UseCompactInts(true)
	return w
}

func (w *writer) string(s string) { _ = w.enc.EncodeString(s) }
func (w *writer) int(n int64)     { _ = w.enc.EncodeInt(n) }
func (w *writer) bool(b bool)     { _ = w.enc.EncodeBool(b) }

func (w *writer) strings(all []string) {
	_ = w.enc.EncodeArrayLen(len(all))
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
	at, outer := w.buf.Len(), w.pairs
	w.buf.Write([]byte{0xde, 0, 0})
	w.pairs = 0
	fields()
	binary.BigEndian.PutUint16(w.buf.Bytes()[at+1:], uint16(w.pairs))
	w.pairs = outer
}

// objects writes an array of n maps.
func (w *writer) objects(n int, fields func(i int)) {
	_ = w.enc.EncodeArrayLen(n)
	for i := range n {
		w.object(func() { fields(i) })
	}
}
