package test

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
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

// BenchmarkCorpusWalk is a bare walk over real alerts: what there is to pay to
// look at every byte of them.
func BenchmarkCorpusWalk(b *testing.B) {
	chunk, count := corpus(b)
	s := scanner(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		for s.Reset(chunk); s.Next(); {
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
