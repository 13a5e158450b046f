package enrich

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/misptest"
)

const statsRules = `
version: 1
ignore: {networks: [private]}
rules:
  - name: sources
    lookup: [{field: data.srcip, type: ip}]
  - name: hashes
    lookup: [{field: data.md5, type: md5}]
`

func TestCounts(t *testing.T) {
	e, server := start(t, database(), "rules", writeRules(t, statsRules))
	enrich(e, chunk(t,
		`{"data":{"srcip":"203.0.113.5"}}`, `{"data":{"srcip":"203.0.113.6"}}`, `{"data":{"srcip":"203.0.113.6"}}`,
		`{"data":{"srcip":"10.1.2.3"}}`, `{"data":{"srcip":"10.1.2.4"}}`, `{"data":{"srcip":"here"}}`,
		`{"data":{"md5":"0cc175b9c0f1b6a831c399e269772661"}}`, `{"data":{}}`))
	server.Fault(misptest.Status(http.StatusForbidden))
	enrich(e, chunk(t, `{"data":{"srcip":"203.0.113.9"}}`))

	c := e.Counts()
	maps.DeleteFunc(c.Kinds, func(_ string, n uint64) bool { return n == 0 })
	if want := map[string]uint64{"ip": 4, "md5": 1}; !maps.Equal(c.Kinds, want) {
		t.Errorf("by kind %v, want %v", c.Kinds, want)
	}
	if want := map[string][3]uint64{"sources": {1, 2, 1}, "hashes": {0, 1, 0}}; !maps.Equal(c.Rules, want) {
		t.Errorf("by rule %v, want %v", c.Rules, want)
	}
	if want := map[string]uint64{"not a public address": 2, "malformed": 1}; !maps.Equal(c.Rejected, want) {
		t.Errorf("rejected %v, want %v", c.Rejected, want)
	}
	if n := c.Waits.Counts; sum(n) != 2 {
		t.Errorf("waits %v, want 2", n)
	}
	if n := e.Stats().OverBudget; n != 0 {
		t.Errorf("%d waits over the budget of a MISP that answers", n)
	}
}

func TestWaitsOverTheBudget(t *testing.T) {
	for _, tt := range []struct {
		wait        string
		waits, over uint64
	}{{"50ms", 1, 1}, {"0", 0, 0}} {
		e, server := start(t, database(), "max_wait", tt.wait)
		server.Fault(misptest.Silent)
		begin := time.Now()
		enrich(e, chunk(t, `{"data":{"srcip":"203.0.113.5"}}`))
		waits := e.Counts().Waits
		if sum(waits.Counts) != tt.waits || waits.Sum > time.Since(begin).Seconds() || e.Stats().OverBudget != tt.over {
			t.Errorf("max_wait %s: %d over it, waits %+v", tt.wait, e.Stats().OverBudget, waits)
		}
	}
}

func sum(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestTalliesOfManyBatches is about the memory of a batch, which the next chunk
// has.
func TestTalliesOfManyBatches(t *testing.T) {
	e, _ := start(t, database(), "rules", writeRules(t, statsRules))
	c := chunk(t, strings.Fields(`{"data":{"srcip":"203.0.113.5"}} {"data":{"srcip":"10.0.0.1"}}`)...)
	const chunks = 50
	for range chunks {
		enrich(e, c)
	}
	got := e.Counts()
	if got.Kinds["ip"] != chunks || got.Rules["sources"] != [3]uint64{2: chunks} || got.Rejected["not a public address"] != chunks {
		t.Errorf("%+v", got)
	}
}

// writeRules returns the name of a file with these rules.
func writeRules(t *testing.T, rules string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(name, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Chunks of more threads than there are parts of the tallies are all counted, while
// somebody reads, and each as a whole.
func TestCountsOfManyThreads(t *testing.T) {
	e, _ := start(t, database(), "rules", writeRules(t, statsRules))
	c := chunk(t, `{"data":{"srcip":"203.0.113.6"}}`, `{"data":{"srcip":"10.1.2.3"}}`, `{"data":{}}`)
	enrich(e, c)
	const threads, chunks = 3 * len(tallies{}), 50
	var busy sync.WaitGroup
	for range threads {
		busy.Go(func() {
			for range chunks {
				e.Enrich(t.Context(), c, nil)
				if s := e.Stats(); s.Clean != s.Indicators || s.Events != 3*s.Clean || s.Plain != 2*s.Clean {
					t.Errorf("a part of a chunk is counted: %+v", s)
				}
			}
		})
	}
	busy.Wait()
	const all = uint64(threads*chunks + 1)
	if n := e.Counts(); n.Kinds["ip"] != all || n.Rules["sources"] != [3]uint64{misp.Clean: all} || n.Rejected["not a public address"] != all {
		t.Errorf("%v, want %d of each", n, all)
	}
	if _, cache := e.Stack(); cache.Stats().Clean+cache.Stats().Missed != all {
		t.Errorf("%+v, want %d look-ups", cache.Stats(), all)
	}
}
