package forward

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/binary"
)

// A message carries one chunk. The head and the tail are around it on the wire.
type message struct {
	id   string // of the chunk; "" if no acknowledgement is wanted
	head []byte
	body []byte // the chunk, or what gzip made of it
	tail []byte
}

// newMessage makes a message of a chunk, which stays the caller's.
func newMessage(tag string, chunk []byte, ack bool) message {
	m := message{body: chunk}
	if ack {
		m.id = rand.Text()
	}
	m.frame(tag, false)
	return m
}

// gzipMagic is what a gzip member begins with. Fluent Bit 3 looks for more of them
// in what it is sent, takes one within the compressed data for real, and refuses
// the chunk each time it comes.
var gzipMagic = []byte("\x1f\x8b\x08")

// newGzipMessage makes a message of a chunk that w compresses into buf; of one
// that cannot be sent like that, a plain one.
func newGzipMessage(tag string, chunk []byte, ack bool, buf *bytes.Buffer, w *gzip.Writer) message {
	buf.Reset()
	w.Reset(buf)
	_, _ = w.Write(chunk) // a bytes.Buffer takes all
	_ = w.Close()
	if bytes.Contains(buf.Bytes()[len(gzipMagic):], gzipMagic) {
		return newMessage(tag, chunk, ack)
	}
	m := newMessage(tag, buf.Bytes(), ack)
	m.frame(tag, true)
	return m
}

// frame writes what is before and behind the body.
func (m *message) frame(tag string, gzipped bool) {
	m.head = append(m.head[:0], 0x93) // array of 3
	m.head = appendString(m.head, tag)
	m.head = append(m.head, 0xc6) // bin 32
	m.head = binary.BigEndian.AppendUint32(m.head, uint32(len(m.body)))
	m.tail = append(m.tail[:0], 0x80) // map
	add := func(key, value string) {
		m.tail[0]++
		m.tail = appendString(appendString(m.tail, key), value)
	}
	if m.id != "" {
		add("chunk", m.id)
	}
	if gzipped {
		add("compressed", "gzip")
	}
}

// appendString appends a string in msgpack. A tag of more than 4 GB there is not.
func appendString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, 0xd9, byte(n))
	case n < 1<<16:
		b = append(b, 0xda, byte(n>>8), byte(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}
