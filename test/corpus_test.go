package test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
	"fluent-bit-misp/rules/fields"
	"fluent-bit-misp/test/gen"
)

// corpus returns a chunk of the alerts of our own, or of those in the folder
// that -alerts names, and how many there are.
func corpus(b testing.TB) (chunk []byte, count int) {
	b.Helper()
	files := []string{filepath.Join("testdata", "alerts.ndjson")}
	if *alerts != "" {
		files = []string{filepath.Join(*alerts, "alerts.ndjson"), filepath.Join(*alerts, "derived.ndjson")}
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for ; lines.Scan(); count++ {
			if chunk, err = event.AppendJSON(chunk, time.Unix(0, 0), lines.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	}
	return chunk, count
}

func scanner(b testing.TB, paths []string) *event.Scanner {
	b.Helper()
	compiled, err := event.NewPaths(paths)
	if err != nil {
		b.Fatal(err)
	}
	return event.NewScanner(compiled)
}

// defaultRules compiles the default rules.
func defaultRules(tb testing.TB, options rules.Options) *rules.Set {
	tb.Helper()
	file, err := rules.Default()
	if err != nil {
		tb.Fatal(err)
	}
	set, err := rules.Compile(options, file)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// A scanner that has come across alerts before finds in them what one finds that
// has not.
func TestScanKnownAlerts(t *testing.T) {
	chunk, count := knownAlerts(t)
	paths := defaultRules(t, rules.Options{}).Paths()
	want := alone(t, paths, chunk, func(s *event.Scanner) string { return values(s.Fields()) })
	if len(want) != count {
		t.Fatalf("%d events of %d", len(want), count)
	}
	s := scanner(t, paths)
	for round := range 5 {
		s.Reset(chunk)
		for i := 0; s.Next(); i++ {
			if got := values(s.Fields()); got != want[i] {
				t.Fatalf("round %d, event %d: got\n%s\nwant\n%s", round, i, got, want[i])
			}
		}
	}
}

// knownAlerts returns a chunk of alerts many of which are like others in it, and how
// many they are.
func knownAlerts(t *testing.T) (chunk []byte, count int) {
	const generated = 2000
	chunk, count = corpus(t)
	g := gen.New(1)
	for range generated {
		var err error
		if chunk, err = event.AppendJSON(chunk, time.Unix(0, 0), g.Next().Line); err != nil {
			t.Fatal(err)
		}
	}
	return chunk, count + generated
}

// alone returns what look makes of each event of a chunk, for which it gets a
// scanner that has seen nothing before.
func alone(t *testing.T, paths []string, chunk []byte, look func(s *event.Scanner) string) (all []string) {
	for len(chunk) > 0 {
		s := scanner(t, paths)
		if s.Reset(chunk); !s.Next() {
			t.Fatal("not an event")
		}
		all = append(all, look(s))
		chunk = chunk[s.Event().End:]
	}
	return all
}

func values(f *fields.Fields) string {
	var b strings.Builder
	for i := range f.Len() {
		fmt.Fprintf(&b, "%d=%s first %d next %d\n", f.Path(i), f.Text(i), f.First(f.Path(i)), f.Next(i))
	}
	return b.String()
}

// BenchmarkCorpusWalk is a bare walk over real alerts: what there is to pay to
// find the end of every value of them.
func BenchmarkCorpusWalk(b *testing.B) {
	chunk, count := corpus(b)
	array := append(binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(count)), chunk...)
	b.ReportAllocs()
	for b.Loop() {
		if !event.Whole(array) {
			b.Fatal("not an array of events")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count*b.N), "ns/alert")
}

// BenchmarkCorpusExtract takes the indicators out of the same alerts.
func BenchmarkCorpusExtract(b *testing.B) {
	chunk, count := corpus(b)
	set := defaultRules(b, rules.Options{})
	s := scanner(b, set.Paths())
	var found rules.Extraction
	b.ReportAllocs()
	for b.Loop() {
		found.Reset()
		for s.Reset(chunk); s.Next(); {
			set.Extract(s.Fields(), &found)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count*b.N), "ns/alert")
	b.ReportMetric(float64(len(found.Found))/float64(count), "found/alert")
}
