package event

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// pack encodes v; a map with more than one key is given as pairs to keep their
// order.
func pack(t testing.TB, v any) []byte {
	t.Helper()
	b, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type pairs []any

func (p pairs) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(p) / 2); err != nil {
		return err
	}
	for _, v := range p {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// event encodes one log event in the form of Fluent Bit 2.1 and later.
func event(t testing.TB, record any) []byte {
	t.Helper()
	timestamp := []byte{0xd7, 0x00, 0x65, 0x00, 0x00, 0x01, 0, 0, 0, 2}
	b := append([]byte{0x92, 0x92}, timestamp...)
	b = append(b, 0x80)
	return append(b, pack(t, record)...)
}

// longEvent encodes one with maps in the longest format, as later versions do.
func longEvent(t testing.TB, record any) []byte {
	t.Helper()
	b, body := event(t, pairs{})[:12], pack(t, record)
	b = append(b, 0xdf, 0, 0, 0, 0)
	if body[0]&0xf0 == 0x80 {
		b, body = append(b, 0xdf, 0, 0, 0, body[0]&0xf), body[1:]
	}
	return append(b, body...)
}

// oldEvent encodes one in the form of before.
func oldEvent(t testing.TB, timestamp, record any) []byte {
	t.Helper()
	return append(append([]byte{0x92}, pack(t, timestamp)...), pack(t, record)...)
}

func scanner(t testing.TB, paths ...string) *Scanner {
	t.Helper()
	p, err := NewPaths(paths)
	if err != nil {
		t.Fatal(err)
	}
	return NewScanner(p)
}

// scan returns the values of each event of a chunk as "path=text".
func scan(s *Scanner, paths []string, chunk []byte) (events []string) {
	s.Reset(chunk)
	for s.Next() {
		var found []string
		for f, i := s.Fields(), 0; i < f.Len(); i++ {
			found = append(found, fmt.Sprintf("%s=%s", paths[f.Path(i)], f.Text(i)))
		}
		events = append(events, strings.Join(found, " "))
	}
	return events
}
