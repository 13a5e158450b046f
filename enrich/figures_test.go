//go:build !race

package enrich

import (
	"context"
	"net/http"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// Ten thousand alerts, each with a value of its own that MISP does not know, in
// chunks as large as a batch: MISP answers in the time that a real one needs.
// What counts is how often it is asked, and how long everything else takes: at
// best, as a busy machine can only add to that.
func TestColdCacheCostsFewRequests(t *testing.T) {
	const total, perChunk, most = 10_000, 500, 10
	var chunks [][]byte
	for from := 0; from < total; from += perChunk {
		var lines []string
		for i := from; i < from+perChunk; i++ {
			lines = append(lines, sshAlert(i))
		}
		chunks = append(chunks, chunk(t, lines...))
	}
	for try := 1; ; try++ {
		ours := cold(t, chunks)
		if ours <= most {
			return
		}
		if try == 3 {
			t.Fatalf("%.1f %% of the time is not MISP's, want %d %% at most", ours, most)
		}
	}
}

// cold enriches the chunks twice with a new engine, and returns how many percent
// of the first time were not MISP's.
func cold(t *testing.T, chunks [][]byte) (ours float64) {
	e, server := start(t, database())
	var asked time.Duration
	server.Fault(func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		begin := time.Now()
		misptest.Latency(65*time.Millisecond)(w, r, answer)
		asked += time.Since(begin)
	})
	pass := func() time.Duration {
		begin := time.Now()
		for _, c := range chunks {
			if _, modified := e.Enrich(context.Background(), c, nil); modified {
				t.Fatal("a clean chunk was touched")
			}
		}
		return time.Since(begin)
	}
	took := pass()
	requests := server.Counts().Requests
	ours = 100 * float64(took-asked) / float64(took)
	t.Logf("cold: %d requests, %v in all, %.1f %% of it not MISP's", requests, took.Round(time.Millisecond), ours)
	if requests > 40 {
		t.Errorf("%d requests, want 40 at most", requests)
	}
	took = pass()
	t.Logf("warm: %d requests, %v", server.Counts().Requests-requests, took.Round(time.Microsecond))
	if n := server.Counts().Requests; n != requests {
		t.Errorf("the second pass cost %d requests, want none", n-requests)
	}
	return ours
}

// An alert in which nothing is known costs no memory once the cache knows it.
func TestWarmEngineDoesNotAllocate(t *testing.T) {
	e, _ := start(t, database())
	c := chunk(t, sshAlert(1), sshAlert(2), `{"full_log":"nothing"}`)
	run := func() { e.Enrich(context.Background(), c, nil) }
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}
