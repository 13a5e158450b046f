package event

import (
	"bytes"
	"fmt"
	"testing"
)

// splice adds fields to the events of a chunk for which pick is true.
func splice(t testing.TB, chunk []byte, added pairs, drop string, pick func(i int) bool) []byte {
	t.Helper()
	s := scanner(t)
	s.Reset(chunk)
	var edits []Edit
	for i := 0; s.Next(); i++ {
		if !pick(i) {
			continue
		}
		e := Edit{Event: s.Event(), Pairs: len(added) / 2}
		for _, v := range added {
			e.Fields = append(e.Fields, pack(t, v)...)
		}
		e.Event.Spans(chunk, func(key []byte, field Span) {
			if string(key) == drop {
				e.Drop = append(e.Drop, field)
			}
		})
		edits = append(edits, e)
	}
	dst := make([]byte, SplicedSize(chunk, edits))
	Splice(dst, chunk, edits)
	return dst
}

func TestSpliceAddsFieldsAndKeepsTheRest(t *testing.T) {
	for _, fields := range []int{0, 1, 14, 15, 16, 65534, 65535, 65536} {
		t.Run(fmt.Sprintf("record of %d", fields), func(t *testing.T) {
			record := pairs{}
			for i := range fields {
				record = append(record, fmt.Sprintf("k%d", i), i)
			}
			other := event(t, pairs{"odd", []any{nil, 1.5}})
			chunk := bytes.Join([][]byte{other, event(t, record), other}, nil)
			got := splice(t, chunk, pairs{"misp_id", 7}, "", func(i int) bool { return i == 1 })
			want := bytes.Join([][]byte{other, event(t, append(record, "misp_id", 7)), other}, nil)
			if !bytes.Equal(got, want) {
				t.Errorf("spliced chunk differs: %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

func TestSpliceReplacesDroppedFields(t *testing.T) {
	chunk := event(t, pairs{"misp_id", "old", "a", 1, "misp_id", pairs{"x", 1}, "b", 2})
	got := splice(t, chunk, pairs{"misp_id", 7}, "misp_id", func(int) bool { return true })
	if want := event(t, pairs{"a", 1, "b", 2, "misp_id", 7}); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestSpliceKeepsWhatIsBroken(t *testing.T) {
	broken := []byte{0x92, 0xc1, 0x80}
	chunk := append(event(t, pairs{"a", 1}), broken...)
	got := splice(t, chunk, pairs{"b", 2}, "", func(int) bool { return true })
	if want := append(event(t, pairs{"a", 1, "b", 2}), broken...); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestSpliceWithoutEditsCopies(t *testing.T) {
	chunk := event(t, pairs{"a", 1})
	if got := splice(t, chunk, nil, "", func(int) bool { return false }); !bytes.Equal(got, chunk) {
		t.Errorf("got %x, want %x", got, chunk)
	}
}

// FuzzSplice checks that what is spliced into any chunk can be scanned again:
// the old values in their order, then the added one, in as many events.
func FuzzSplice(f *testing.F) {
	f.Add(event(f, pairs{"a", "x", "b", pairs{"c", []any{1, "y"}}}))
	f.Add(oldEvent(f, 1, pairs{"a", "x"}))
	f.Add([]byte{0x92, 0x00, 0xde, 0x00, 0x01, 0xa1, 'a', 0xc0})
	paths := []string{"a", "b.c", "added"}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		s := scanner(t, paths...)
		before := scan(s, paths, chunk)
		passed := s.Passed()
		after := scan(s, paths, splice(t, chunk, pairs{"added", "!"}, "", func(int) bool { return true }))
		if len(before) != len(after) || s.Passed() != passed {
			t.Fatalf("%d events and %d passed over, %d and %d after the splice", len(before), passed, len(after), s.Passed())
		}
		for i := range before {
			want := "added=!"
			if before[i] != "" {
				want = before[i] + " " + want
			}
			if after[i] != want {
				t.Fatalf("event %d: %q, want %q", i, after[i], want)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	chunk := bytes.Repeat(event(b, pairs{"rule", pairs{"level", 5, "groups", []any{"a", "b"}}, "data", pairs{"srcip", "192.0.2.1"}}), 20)
	s := scanner(b, "rule.level", "rule.groups", "data.srcip")
	b.ReportAllocs()
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		for s.Reset(chunk); s.Next(); {
		}
	}
}

func BenchmarkSplice(b *testing.B) {
	chunk := bytes.Repeat(event(b, pairs{"a", "x", "data", pairs{"srcip", "192.0.2.1"}}), 20)
	fields := append(pack(b, "misp_verdict"), pack(b, "hit")...)
	s := scanner(b)
	var edits []Edit
	for s.Reset(chunk); s.Next(); {
		edits = append(edits, Edit{Event: s.Event(), Pairs: 1, Fields: fields})
	}
	dst := make([]byte, SplicedSize(chunk, edits))
	b.ReportAllocs()
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		Splice(dst, chunk, edits)
	}
}
