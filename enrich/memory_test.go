package enrich

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// nothingKnown is a source that knows nothing, and says so at once.
type nothingKnown struct{}

func (nothingKnown) Lookup(_ context.Context, _ []ioc.Indicator, answers []misp.Answer) {
	for i := range answers {
		answers[i] = misp.Answer{Verdict: misp.Clean}
	}
}

// BenchmarkEverNewValues reads alerts each of which has a value that was never
// seen before, so that the cache is full and stays so. The memory that it
// reports does not grow with the number of alerts: compare -benchtime 1000000x
// with 10000000x.
func BenchmarkEverNewValues(b *testing.B) {
	o, err := ParseOptions(stanza("url", "http://127.0.0.1:1", "api_key", "unused"))
	if err != nil {
		b.Fatal(err)
	}
	set, err := o.CompileRules()
	if err != nil {
		b.Fatal(err)
	}
	e, err := New(o, set, nothingKnown{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	const perChunk, mark = 500, "00000000000000000000000000000000"
	c := chunk(b, slices.Repeat([]string{`{"rule":{"groups":["ossec","syscheck"]},"syscheck":{"path":"/srv/a","event":"added","md5_after":"` + mark + `"}}`}, perChunk)...)
	var values [][]byte
	for at := 0; ; {
		next := bytes.Index(c[at:], []byte(mark))
		if next < 0 {
			break
		}
		values = append(values, c[at+next:at+next+len(mark)])
		at += next + len(mark)
	}
	n := 0
	for done := 0; done < b.N; done += perChunk {
		for _, v := range values {
			n++
			copy(v, fmt.Sprintf("%032x", n))
		}
		e.Enrich(context.Background(), c, nil)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys-m.HeapReleased)/(1<<20), "MB-heap")
	b.ReportMetric(float64(e.cache.Len()), "answers")
}

// BenchmarkLatency is what one alert waits for the engine when it comes alone.
func BenchmarkLatency(b *testing.B) {
	e, _ := start(b, listing())
	l := mixed(b, 1000)
	alloc := block()
	l.run(e, alloc)
	var single [][]byte
	for _, c := range l.chunks {
		for _, a := range alerts(c) {
			single = append(single, chunk(b, a))
		}
	}
	took := make([]time.Duration, 0, 1<<20)
	for i := 0; b.Loop(); i++ {
		begin := time.Now()
		e.Enrich(context.Background(), single[i%len(single)], alloc)
		if len(took) < cap(took) {
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")
}
