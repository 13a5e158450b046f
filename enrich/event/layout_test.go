package event

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// taught returns a scanner that has seen events of the kind of alert, with
// everything in them that differs from one to the next.
func taught(t testing.TB, paths []string) *Scanner {
	s := scanner(t, paths...)
	for i := range 20 {
		scan(s, paths, event(t, alert(i, fmt.Sprint("10.0.0.", i), i, i%2 == 0)))
	}
	return s
}

var alertPaths = []string{"rule.groups", "rule.level", "agent.ip", "data.srcip", "data.port", "data.mail", "data.user", "data.user.name", "data.md5"}

func alert(i int, srcip, port, mail any) pairs {
	return pairs{"timestamp", fmt.Sprintf("2026-03-01T10:00:%02d.000+0000", i%60),
		"rule", pairs{"level", 5, "description", "sshd: authentication failed.", "id", "5760", "firedtimes", i, "groups", []any{"syslog", "sshd"}},
		"agent", pairs{"id", "004", "ip", "10.0.0.14"}, "full_log", strings.Repeat("x", i), "srcip", "no", "nothing", nil,
		"data", pairs{"srcip", srcip, "port", port, "mail", mail, "user", pairs{"name", "root", "Name", "again"},
			"md5", fmt.Sprintf("%032x", i)}, "location", "journald"}
}

func TestScanOfWhatIsLaidOutLikeBefore(t *testing.T) {
	type change func(p pairs)
	data := func(p pairs) pairs { return p[13].(pairs) }
	tests := map[string]change{
		"as before":              func(pairs) {},
		"no address":             func(p pairs) { data(p)[1] = nil },
		"an object for it":       func(p pairs) { data(p)[1] = pairs{"v4", "10.0.0.1"} },
		"an array for it":        func(p pairs) { data(p)[1] = []any{"10.0.0.1", "10.0.0.2"} },
		"a number for it":        func(p pairs) { data(p)[1] = 7 },
		"bytes for it":           func(p pairs) { data(p)[1] = []byte("10.0.0.1") },
		"an empty one":           func(p pairs) { data(p)[1] = "" },
		"31 bytes":               func(p pairs) { data(p)[1] = strings.Repeat("a", 31) },
		"32 bytes":               func(p pairs) { data(p)[1] = strings.Repeat("a", 32) },
		"256 bytes":              func(p pairs) { data(p)[1] = strings.Repeat("a", 256) },
		"65536 bytes":            func(p pairs) { data(p)[1] = strings.Repeat("a", 65536) },
		"a string for a number":  func(p pairs) { data(p)[3] = "443" },
		"a long number":          func(p pairs) { data(p)[3] = uint64(1 << 60) },
		"a float":                func(p pairs) { data(p)[3] = 1.5 },
		"nothing for a number":   func(p pairs) { data(p)[3] = nil },
		"an object for a number": func(p pairs) { data(p)[3] = pairs{"srcip", "10.0.0.1"} },
		"nothing for a boolean":  func(p pairs) { data(p)[5] = nil },
		"what was nothing":       func(p pairs) { p[11] = "something" },
		"a shorter time":         func(p pairs) { p[1] = "now" },
		"an object for a time":   func(p pairs) { p[1] = pairs{"at", "now"} },
		"a shorter hash":         func(p pairs) { data(p)[9] = "d41d8cd9" },
		"bytes for a hash":       func(p pairs) { data(p)[9] = make([]byte, 32) },
		"no hash":                func(p pairs) { data(p)[9] = nil },
		"another key":            func(p pairs) { data(p)[0] = "dstip" },
		"a key in another case":  func(p pairs) { data(p)[0] = "SrcIP" },
		"a key with dots":        func(p pairs) { p[12] = "data.user" },
		"a key that is no text":  func(p pairs) { data(p)[0] = 1 },
		"another level":          func(p pairs) { p[3].(pairs)[1] = 12 },
		"another group":          func(p pairs) { p[3].(pairs)[9] = []any{"syslog", "su"} },
		"one group more":         func(p pairs) { p[3].(pairs)[9] = []any{"syslog", "sshd", "su"} },
		"groups in groups":       func(p pairs) { p[3].(pairs)[9] = []any{[]any{"syslog"}, "sshd"} },
		"another rule":           func(p pairs) { p[3].(pairs)[3] = "sshd: authentication failure" },
		"long free text":         func(p pairs) { p[7] = strings.Repeat("y", 70000) },
		"other order":            func(p pairs) { p[6], p[7], p[8], p[9] = p[8], p[9], p[6], p[7] },
	}
	eachWay(t, func() {
		for name, change := range tests {
			t.Run(name, func(t *testing.T) {
				changed := alert(3, "10.1.1.1", 22, true)
				change(changed)
				chunk := append(event(t, changed), event(t, alert(4, "10.1.1.2", 22, true))...)
				want := scan(scanner(t, alertPaths...), alertPaths, chunk)
				usual, unusual := taught(t, alertPaths), scanner(t, alertPaths...)
				for range 20 {
					scan(unusual, alertPaths, event(t, changed))
					for name, s := range map[string]*Scanner{"seen usual events": usual, "seen unusual ones": unusual} {
						if got := scan(s, alertPaths, chunk); !reflect.DeepEqual(got, want) {
							t.Fatalf("%s: got  %q\nwant %q", name, got, want)
						}
					}
				}
				scanCutOff(t, usual, alertPaths, chunk, func(cut []byte) []byte { return cut })
			})
		}
	})
}

// scanCutOff has s scan a chunk that is cut off, wherever in the first bytes, from
// where it is put, and checks that it finds what a new scanner does.
func scanCutOff(t *testing.T, s *Scanner, paths []string, chunk []byte, put func(cut []byte) []byte) {
	t.Helper()
	for end := range min(len(chunk)+1, 2000) {
		want := scan(scanner(t, paths...), paths, chunk[:end])
		if got := scan(s, paths, put(chunk[:end])); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut off at %d: got  %q\nwant %q", end, got, want)
		}
	}
}

// eachWay runs a test with what only some processors have, and without.
func eachWay(t *testing.T, test func()) {
	has := quick
	defer func() {
		if t.Failed() {
			t.Log("quick:", quick)
		}
		quick = has
	}()
	if test(); quick && !t.Failed() {
		quick = false
		test()
	}
}

// A byte that differs, wherever it is, and however long what is the same around it,
// is not taken for the one that was there before.
func TestScanNoticesEveryByte(t *testing.T) {
	paths := []string{"a", "b", "c", "e"}
	record := func(i, size int) pairs {
		return pairs{"timestamp", fmt.Sprint("at ", i%10), "about", strings.Repeat("-", 60), "a", fmt.Sprint("a", i%10),
			strings.Repeat("k", size), strings.Repeat("v", size), "b", strings.Repeat("b", 30+i), "c", i,
			"d", strings.Repeat("d", i*i*i), "e", "the same", "f", i}
	}
	eachWay(t, func() {
		for _, size := range []int{0, 40, 100} {
			s := scanner(t, paths...)
			for i := range 12 {
				scan(s, paths, event(t, record(i, size)))
			}
			chunk := event(t, record(5, size))
			behind := event(t, record(6, size)) // so that the end of the chunk is far, too
			for i := range chunk {
				for _, other := range []byte{chunk[i] ^ 1, chunk[i] ^ 0x20, chunk[i] ^ 0x80, 0xc0, 0xd9, 0xda} {
					changed := append(append([]byte(nil), chunk...), behind...)
					changed[i] = other
					for _, changed := range [][]byte{changed, changed[:len(chunk)]} {
						want := scan(scanner(t, paths...), paths, changed)
						if got := scan(s, paths, changed); !reflect.DeepEqual(got, want) {
							t.Fatalf("size %d, byte %d is %#x: got  %q\nwant %q", size, i, other, got, want)
						}
					}
				}
			}
		}
	})
}

// A record that is laid out like those before it is not walked, wherever in it the
// values are that differ, and however little is behind it.
func TestKnownLayoutsAreNotWalked(t *testing.T) {
	paths := []string{"text", "a", "c", "e", "last"}
	text := func(i int) string { return strings.Repeat("t", i) }
	number := func(i int) string { return fmt.Sprintf("%032d", i) }
	same := func(size int) func(int) string {
		return func(int) string { return strings.Repeat("=", size) }
	}
	eachWay(t, func() {
		for name, last := range map[string]func(i int) string{
			"a text": text, "a number": number, "the same": same(3), "much the same": same(150), "nothing": same(0),
		} {
			record := func(i int) pairs {
				return pairs{"timestamp", number(i)[4:], "about", strings.Repeat("-", 60), "text", text(i % 100), "a", number(i),
					"b", text(i % 7), "c", strings.Repeat("c", 70), "d", number(i), "e", text(1000 - i), "last", last(i)}
			}
			s := scanner(t, paths...)
			for i := range 50 {
				scan(s, paths, event(t, record(i)))
			}
			for i := range 1000 {
				chunk := event(t, record(i))
				if i%2 == 0 {
					chunk = append(chunk, event(t, record(i+1))...)
				}
				if scan(s, paths, chunk); s.walked {
					t.Errorf("%s at the end: record %d was walked", name, i)
				}
			}
		}
	})
}

// A map can be a key as well as a value. Where a record has one where another has
// a value, with the same bytes around both, they are not laid out alike.
func TestScanOfMapsInOtherPlaces(t *testing.T) {
	next := event(t, pairs{"s", "v"})
	record := func(array string) []byte {
		return append(event(t, pairs{"t", "x", "p", strings.Repeat("p", 60), "r", msgpack.RawMessage(array)}), next...)
	}
	// r: [{a: {}, nil: {k: y, {}: nil}}, an array which is the next event]
	one := record("\x92\x82\xa1a\x80\xc0\x82\xa1k\xa1y\x80\xc0")
	// r: [{a: x, {}: nil}, {k: {}, nil: the same}]
	two := record("\x92\x82\xa1a\xa1x\x80\xc0\x82\xa1k\x80\xc0")
	// r: [{a: x, {}: nil}, {k: y, {}: nil}], and the next event is one
	three := record("\x92\x82\xa1a\xa1x\x80\xc0\x82\xa1k\xa1y\x80\xc0")
	paths := []string{"r.a", "s"}
	s := scanner(t, paths...)
	for _, chunk := range [][]byte{one, one, two, three} {
		want := scan(scanner(t, paths...), paths, chunk)
		if got := scan(s, paths, chunk); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

// What hostile events have a scanner remember is bounded.
func TestScanRemembersLittle(t *testing.T) {
	var groups []any
	for i := range 150 {
		groups = append(groups, float64(i)) // 9 bytes each
	}
	s := scanner(t, "groups")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 4_000 {
		chunk := event(t, pairs{"a", "b", "c", fmt.Sprint(i, strings.Repeat("x", 2600)), "groups", groups})
		for range lesson {
			for s.Reset(chunk); s.Next(); {
			}
		}
	}
	s.Reset(nil)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) >> 20; kept > 10 {
		t.Errorf("%d MB are kept", kept)
	}
	runtime.KeepAlive(s)
}

// FuzzScanAgain holds a scanner that has seen other events against one that has
// not.
func FuzzScanAgain(f *testing.F) {
	one := event(f, alert(1, "10.0.0.1", 443, true))
	for _, other := range []pairs{
		alert(2, "10.0.0.2", 80, false), alert(3, nil, "80", nil), alert(40, pairs{"a", "b"}, 1.5, strings.Repeat("z", 300)),
	} {
		f.Add(one, event(f, other))
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		eachWay(t, func() {
			s := scanner(t, alertPaths...)
			for _, chunk := range [][]byte{one, one, other, one, other, other, append(append(one[:len(one):len(one)], other...), one...), other} {
				want := scan(scanner(t, alertPaths...), alertPaths, chunk)
				if got := scan(s, alertPaths, chunk); !reflect.DeepEqual(got, want) {
					t.Fatalf("got  %q\nwant %q", got, want)
				}
			}
		})
	})
}
