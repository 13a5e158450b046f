package misp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
)

const testKey = "0123456789abcdefghijABCDEFGHIJ0123456789"

// newTestClient returns a client for a MISP that answers by handler.
func newTestClient(t testing.TB, handler http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := Config{URL: server.URL, APIKey: NewSecret(testKey)}
	for _, f := range change {
		f(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// indicators reads "kind value" words.
func indicators(t testing.TB, words ...string) []ioc.Indicator {
	t.Helper()
	var all []ioc.Indicator
	for _, word := range words {
		name, value, _ := strings.Cut(word, " ")
		kind, err := ioc.ParseKind(name)
		if err != nil {
			t.Fatal(err)
		}
		indicator, reason := ioc.Normalize(kind, value)
		if reason != ioc.OK {
			t.Fatalf("%s: %v", word, reason)
		}
		all = append(all, indicator)
	}
	return all
}

func lookup(c Source, indicators []ioc.Indicator) []Answer {
	answers := make([]Answer, len(indicators))
	c.Lookup(context.Background(), indicators, answers)
	return answers
}

// addresses returns n indicators.
func addresses(t testing.TB, n int) []ioc.Indicator {
	all := make([]ioc.Indicator, n)
	for i := range all {
		all[i] = indicators(t, fmt.Sprintf("ip 198.%d.%d.%d", 18+i>>16, i>>8&255, i&255))[0]
	}
	return all
}

// rows writes attributes of "type value" words as MISP does, with ids from 1.
func rows(words ...string) string {
	var all []string
	for i, word := range words {
		typ, value, _ := strings.Cut(word, " ")
		quoted, _ := json.Marshal(value)
		all = append(all, fmt.Sprintf(`{"id":"%d","type":%q,"value":%s,"to_ids":true}`, i+1, typ, quoted))
	}
	return `{"response": {"Attribute": [` + strings.Join(all, ",") + `]}}`
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		io.WriteString(w, body)
	}
}

func TestBatches(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	running, most := 0, 0
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		var body restSearch
		json.NewDecoder(r.Body).Decode(&body)
		mu.Lock()
		sizes = append(sizes, len(body.Value.OR))
		running++
		most = max(most, running)
		mu.Unlock()
		time.Sleep(20 * time.Millisecond)
		mu.Lock()
		running--
		mu.Unlock()
		answer(rows("ip-src "+body.Value.OR[0]))(w, r)
	})
	var lookups sync.WaitGroup
	for start := range 2 { // two callers share the limit of concurrency
		lookups.Go(func() {
			asked := addresses(t, 10_000)[start*5000:][:5000]
			for i, a := range lookup(c, asked) {
				if want := i%500 == 0; (a.Verdict == Known) != want || a.Verdict == Unknown {
					t.Errorf("%v is %v", asked[i], a)
				}
			}
		})
	}
	lookups.Wait()
	if len(sizes) > 40 || slices.Max(sizes) > 500 {
		t.Errorf("%d requests, the largest with %d values", len(sizes), slices.Max(sizes))
	}
	if most != 2 {
		t.Errorf("%d requests at the same time, want 2", most)
	}
}

// TestLongValues: whoever puts long values into logs must not make requests
// that a web server refuses.
func TestLongValues(t *testing.T) {
	var largest, requests atomic.Int64
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if largest.Store(max(largest.Load(), r.ContentLength)); r.ContentLength > 1<<20 {
			status(http.StatusRequestEntityTooLarge, "text/html", "")(w, r)
			return
		}
		answer(rows())(w, r)
	}, func(cfg *Config) { cfg.BatchSize = 2000 })
	var ask []ioc.Indicator
	for i := range 2000 {
		ask = append(ask, indicators(t, fmt.Sprintf(`url http://evil.example.com/%d/%s`, i, strings.Repeat(`"`, 2000)))...)
	}
	for _, a := range lookup(c, ask) {
		if a != (Answer{Verdict: Clean}) {
			t.Fatalf("got %+v", a)
		}
	}
	t.Logf("%d requests, the largest of %d bytes", requests.Load(), largest.Load())
}

func TestLookupEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	answers := make([]Answer, 2000) // more than fits into the requests under way
	c.Lookup(ctx, addresses(t, len(answers)), answers)
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
	for _, a := range answers {
		if a != (Answer{Reason: Timeout}) {
			t.Fatalf("got %+v", a)
		}
	}
	if _, err := c.servers[0].hold.enter(); err != nil {
		t.Errorf("MISP is left alone because a caller did not wait: %v", err)
	}
}

func TestPanicBecomesUnknown(t *testing.T) {
	book := &logBook{}
	c := newTestClient(t, answer(rows("ip-src 203.0.113.7")), func(cfg *Config) { cfg.Log = book.logger() })
	_, err := c.search(t.Context(), c.servers[0], c.request([]string{"203.0.113.7"}), func(*row) bool { panic("oops") })
	if err == nil || err.Reason != BadAnswer {
		t.Fatalf("got %v", err)
	}
	if n := c.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
	if got := book.take(); !strings.Contains(got, "a bug, please report it: panic over the answer of MISP at http://127.0.0.1:") {
		t.Errorf("logged %s", got)
	}
}

// BenchmarkLookup asks for 500 values of which 50 are known, over loopback.
func BenchmarkLookup(b *testing.B) {
	ask := addresses(b, 500)
	var known []string
	for i, indicator := range ask[:50] {
		known = append(known, fmt.Sprintf(`{"id":"%d","event_id":"3","object_id":"0","object_relation":null,`+
			`"category":"Network activity","type":"ip-dst","to_ids":true,"uuid":"bd1a2dba-eb01-4caf-964d-0f126a02d1fb",`+
			`"timestamp":"1795460155","distribution":"5","comment":"","deleted":false,"value":"%s",`+
			`"Tag":[{"id":"6","name":"tlp:red","colour":"#FF2B2B","inherited":1}],`+
			`"Event":{"id":"3","date":"2026-11-01","threat_level_id":"1","info":"a campaign","published":true,`+
			`"uuid":"aeb9ddcf-44e1-4642-9baa-c8767fd9ce1b","Tag":[{"id":"6","name":"tlp:red"}],"Orgc":{"id":"1","name":"CERT"}}}`,
			i, indicator.Value()))
	}
	body := `{"response": {"Attribute": [` + strings.Join(known, ",") + `]}}`
	c := newTestClient(b, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, body)
	})
	answers := make([]Answer, len(ask))
	b.ReportAllocs()
	for b.Loop() {
		c.Lookup(context.Background(), ask, answers)
	}
	if answers[49].Verdict != Known || answers[50].Verdict != Clean {
		b.Errorf("got %+v and %+v", answers[49], answers[50])
	}
}
