package enrich

import (
	"context"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// A listSource is a source that knows some values, and counts who is asked about.
type listSource struct {
	mu    sync.Mutex
	known map[string]bool
	asked map[string]int
}

func (l *listSource) Lookup(_ context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, indicator := range indicators {
		l.asked[indicator.Value()]++
		answers[i].Verdict = misp.Clean
		if l.known[indicator.Value()] {
			answers[i] = misp.Answer{Verdict: misp.Known, Hit: &misp.Hit{Attributes: []misp.Attribute{{ID: 1, Type: "domain"}}, Total: 1}}
		}
	}
}

func (l *listSource) list(values ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range values {
		l.known[v] = true
	}
}

// onList opens an engine over a list, with the clock now.
func onList(t testing.TB, now func() time.Time, pairs ...string) (*Engine, *listSource) {
	t.Helper()
	o, err := ParseOptions(stanza(append(pairs, "url", "http://127.0.0.1:1", "api_key", "0123456789012345678901234567890123456789")...))
	if err != nil {
		t.Fatal(err)
	}
	set, err := o.CompileRules()
	if err != nil {
		t.Fatal(err)
	}
	o.Cache.Now = now
	l := &listSource{known: map[string]bool{}, asked: map[string]int{}}
	e, err := New(o, set, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, l
}

// A clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
