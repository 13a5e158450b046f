package event

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-misp/rules/fields"
)

func TestScanFindsValues(t *testing.T) {
	deep := any("deep")
	for range 20 {
		deep = []any{deep}
	}
	tests := []struct {
		name   string
		paths  []string
		record any
		want   string
	}{
		{"a field of the record", []string{"srcip"}, pairs{"x", 1, "srcip", "a"}, "srcip=a"},
		{"a nested field", []string{"data.win.eventdata.hashes"},
			pairs{"data", pairs{"a", pairs{"hashes", "no"}, "win", pairs{"eventdata", pairs{"hashes", "MD5=1"}}}},
			"data.win.eventdata.hashes=MD5=1"},
		{"an absent field", []string{"a.b.c"}, pairs{"a", pairs{"b", "scalar"}}, ""},
		{"keys in another case", []string{"data.destinationIp"}, pairs{"Data", pairs{"DestinationIP", "a"}}, "data.destinationIp=a"},
		{"keys of one length are told apart", []string{"md5_after", "md5_befor"}, pairs{"md5_befor", "b", "md5_after", "a", "md5_other", "c"},
			"md5_befor=b md5_after=a"},
		{"a key with a space", []string{"data.threat Name"}, pairs{"data", pairs{"threat Name", "x"}}, "data.threat Name=x"},
		{"a key with dots", []string{"source.ip"}, pairs{"source.ip", "a"}, "source.ip=a"},
		{"a key with dots below a plain one", []string{"a.b.c.d"}, pairs{"a", pairs{"b.c", pairs{"d", "x"}}}, "a.b.c.d=x"},
		{"a key with dots that goes nowhere", []string{"a.b"}, pairs{"a.c", "x", "a.b.c", "y", ".", "z", "a.", "z"}, ""},
		{"any key", []string{"execve.*"}, pairs{"execve", pairs{"a0", "ls", "a1", "-l"}}, "execve.*=ls execve.*=-l"},
		{"any key, also an empty one", []string{"execve.*"}, pairs{"execve", pairs{"", "ls"}}, "execve.*=ls"},
		{"an empty key that goes nowhere", []string{"a"}, pairs{"", "x", "a", "y"}, "a=y"},
		{"keys with dots in another case", []string{"data.win.system"}, pairs{"DATA.Win", pairs{"SYSTEM", "a"}, "date.win", "b"}, "data.win.system=a"},
		{"keys whose ends and length are those of another", []string{"a.axb"}, pairs{"a", pairs{"ayb", "x", "AXB", "y"}}, "a.axb=y"},
		{"a short text at the end of the chunk", []string{"a"}, pairs{"a", "x", "b", "y"}, "a=x"},
		{"an array of scalars", []string{"rule.groups"}, pairs{"rule", pairs{"groups", []any{"web", "attack"}}}, "rule.groups=web rule.groups=attack"},
		{"an array of objects", []string{"dns.query.rrname"}, pairs{"dns", pairs{"query", []any{pairs{"rrname", "a"}, "x", pairs{"rrname", "b"}}}},
			"dns.query.rrname=a dns.query.rrname=b"},
		{"arrays in arrays", []string{"a"}, pairs{"a", []any{[]any{"x", []any{"y"}}, "z"}}, "a=x a=y a=z"},
		{"arrays twenty deep", []string{"a"}, pairs{"a", deep}, "a=deep"},
		{"an object of scalars in place of a field", []string{"ip"}, pairs{"ip", pairs{"v4", "a", "v6", []any{"no"}, "x", "b"}}, "ip= ip=a ip=b"},
		{"a field above another", []string{"hash", "hash.md5"}, pairs{"hash", pairs{"md5", "m", "sha1", "s"}}, "hash= hash.md5=m hash=s"},
		{"the same key twice", []string{"a"}, pairs{"a", "x", "a", "y"}, "a=x a=y"},
		{"numbers and booleans", []string{"n"}, pairs{"n", []any{0, 127, -1, -32, 128, 255, 65535, 1 << 31, uint64(1<<64 - 1), -128, -32768, -1 << 31, int64(-1 << 63), 1.5, float32(0.25), true, false}},
			"n=0 n=127 n=-1 n=-32 n=128 n=255 n=65535 n=2147483648 n=18446744073709551615 n=-128 n=-32768 n=-2147483648 n=-9223372036854775808 n=1.5 n=0.25 n=true n=false"},
		{"null is no value", []string{"a"}, pairs{"a", nil}, ""},
		{"bytes", []string{"a"}, pairs{"a", []byte("raw")}, "a=raw"},
		{"keys that are no strings", []string{"a"}, pairs{1, "x", []any{1}, "y", nil, "z", "a", "w"}, "a=w"},
		{"text that is not UTF-8", []string{"a"}, pairs{"a", "\xff\xfe"}, "a=\xff\xfe"},
		{"long text", []string{"a"}, pairs{"b", strings.Repeat("x", 70000), "a", strings.Repeat("y", 300)}, "a=" + strings.Repeat("y", 300)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scanner(t, tt.paths...)
			for form, chunk := range map[string][]byte{
				"with metadata":    event(t, tt.record),
				"with a timestamp": oldEvent(t, 1.5, tt.record),
				"with long maps":   longEvent(t, tt.record),
			} {
				got := scan(s, tt.paths, chunk)
				if len(got) != 1 || got[0] != tt.want {
					t.Errorf("%s: got %q, want %q", form, got, tt.want)
				}
				if s.Passed() != 0 {
					t.Errorf("%s: passed over %d events", form, s.Passed())
				}
			}
		})
	}
}

func TestScanPassesOverWhatIsNoEvent(t *testing.T) {
	good := event(t, pairs{"a", "x"})
	deep := append(bytes.Repeat([]byte{0x91}, 1000), 0xc0)
	tests := []struct {
		name   string
		chunk  []byte
		events int
		passed int
	}{
		{"nothing", nil, 0, 0},
		{"one event", good, 1, 0},
		{"not msgpack", []byte("{\"a\":1}"), 0, 7},
		{"a format that msgpack never uses", []byte{0xc1}, 0, 1},
		{"a scalar between events", bytes.Join([][]byte{good, {0x07}, good}, nil), 2, 1},
		{"a record that is no map", bytes.Join([][]byte{event(t, "text"), good}, nil), 1, 1},
		{"an array of three", bytes.Join([][]byte{{0x93, 1, 2, 0x80}, good}, nil), 1, 1},
		{"nested a thousand deep", bytes.Join([][]byte{event(t, pairs{"b", msgpack.RawMessage(deep), "a", msgpack.RawMessage(deep)}), good}, nil), 2, 0},
		{"a map that claims four billion pairs", append(event(t, pairs{})[:13], 0xdf, 0xff, 0xff, 0xff, 0xff), 0, 1},
		{"a long map that claims four billion pairs", append(longEvent(t, pairs{})[:17], 0xdf, 0xff, 0xff, 0xff, 0xff), 0, 1},
		{"long maps and others", bytes.Join([][]byte{longEvent(t, pairs{"a", "x"}), good, longEvent(t, "text")}, nil), 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := scanner(t, "a")
			got := scan(s, []string{"a"}, tt.chunk)
			if len(got) != tt.events || s.Passed() != tt.passed {
				t.Errorf("got %d events, passed over %d; want %d and %d", len(got), s.Passed(), tt.events, tt.passed)
			}
		})
	}
}

// A chunk that is cut anywhere yields the events before the cut and no more.
func TestScanEndsWhereTheChunkIsCut(t *testing.T) {
	first := event(t, pairs{"a", "x"})
	second := longEvent(t, pairs{"n", []any{1.5, 1 << 40, "s", nil}, "a", pairs{"b", "y"}})
	chunk := append(bytes.Clone(first), second...)
	s := scanner(t, "a", "a.b", "n")
	for cut := range chunk {
		want := 0
		if cut >= len(first) {
			want = 1
		}
		got := scan(s, []string{"a", "a.b", "n"}, chunk[:cut])
		if len(got) != want {
			t.Fatalf("cut at %d: got %d events, want %d", cut, len(got), want)
		}
		if s.Fields().Len() != 0 || s.Fields().First(0) != -1 {
			t.Fatalf("cut at %d: values of a broken event are left", cut)
		}
		if broken := cut != 0 && cut != len(first); broken != (s.Passed() == 1) {
			t.Fatalf("cut at %d: passed over %d", cut, s.Passed())
		}
	}
}

func TestScanLinksTheValuesOfAPath(t *testing.T) {
	s := scanner(t, "a", "b", "c")
	s.Reset(event(t, pairs{"a", "1", "b", "2", "a", []any{"3", "4"}}))
	if !s.Next() {
		t.Fatal("no event")
	}
	f := s.Fields()
	var got []string
	for i := f.First(0); i >= 0; i = f.Next(i) {
		got = append(got, string(f.Text(i)))
	}
	if strings.Join(got, "") != "134" || f.First(2) != -1 {
		t.Errorf("values of a: %q; first of c: %d", got, f.First(2))
	}
}

// An event and its values outlive as many events as the Scanner says.
func TestScanKeepsValues(t *testing.T) {
	s := scanner(t, "a", "n")
	var chunk []byte
	for i := range 3 * Kept {
		chunk = append(chunk, event(t, pairs{"a", fmt.Sprint("text ", i), "n", 1000 + i})...)
	}
	var kept []*fields.Fields
	var events []Event
	for s.Reset(chunk); s.Next(); {
		kept, events = append(kept, s.Fields()), append(events, s.Event())
		for back := range min(Kept, len(kept)) {
			i := len(kept) - 1 - back
			f := kept[i]
			if a, n := string(f.Text(0)), string(f.Text(1)); a != fmt.Sprint("text ", i) || n != fmt.Sprint(1000+i) {
				t.Fatalf("event %d after %d more: %q and %q", i, back, a, n)
			}
			if e := s.Before(back); e != events[i] {
				t.Fatalf("event %d after %d more: %+v, was %+v", i, back, e, events[i])
			}
		}
	}
	if len(kept) != 3*Kept {
		t.Errorf("%d events", len(kept))
	}
}

// What a hostile event needs is not kept for the next chunks, of which each
// could bring one more.
func TestScanLetsGoOfMemory(t *testing.T) {
	// The parts of what is kept do not grow alike.
	for _, values := range []int{100 * fields.MaxKept, fields.MaxKept * 5 / 6} {
		s := scanner(t, "a")
		list := make([]any, values)
		for i := range list {
			list[i] = 7
		}
		huge := event(t, pairs{"a", list})
		for range Kept {
			s.Reset(huge)
			if !s.Next() || s.Fields().Len() != len(list) {
				t.Fatal("no event with all values")
			}
		}
		s.Reset(nil)
		for i := range s.ring {
			if n := max(cap(s.ring[i].Values), cap(s.ring[i].Texts)); n > fields.MaxKept {
				t.Errorf("of %d values memory for %d is kept", values, n)
			}
			if n := cap(s.ring[i].Scratch); n > 16*fields.MaxKept {
				t.Errorf("of %d values %d bytes of text are kept", values, n)
			}
		}
	}
}

func TestPathsRefused(t *testing.T) {
	for _, tt := range []struct {
		paths []string
		want  string
	}{
		{[]string{""}, `path "" has an empty segment`},
		{[]string{"a..b"}, `path "a..b" has an empty segment`},
		{[]string{"a", "A"}, `path "A" stands twice`},
		{[]string{strings.Repeat("a", 1<<16)}, `path "aaaaaaaaaaaaaaaaaaaa"... has a segment of more than 65535 bytes`},
	} {
		if _, err := NewPaths(tt.paths); err == nil || err.Error() != tt.want {
			t.Errorf("NewPaths(%q): %v, want %q", tt.paths, err, tt.want)
		}
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	chunk := bytes.Repeat(event(t, pairs{"rule", pairs{"level", 5, "groups", []any{"a", "b"}}, "data", pairs{"srcip", "192.0.2.1"}}), 20)
	s := scanner(t, "rule.level", "rule.groups", "data.srcip")
	run := func() {
		s.Reset(chunk)
		for s.Next() {
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}

func TestWhole(t *testing.T) {
	for in, want := range map[string]bool{
		"\x01": true, "\xa1a": true, "\x92\x01\x80": true, "\xda\x00\x01a": true,
		"": false, "\x01\x01": false, "\xa2a": false, "\xdb\xff\xff\xff\xffa": false, "\xdd\xff\xff\xff\xff\x01": false, "\xc1": false,
	} {
		if got := Whole([]byte(in)); got != want {
			t.Errorf("%q: got %t", in, got)
		}
	}
}
