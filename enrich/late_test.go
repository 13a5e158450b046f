package enrich

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// openAt opens an engine for the MISP at url, with short pauses after failures.
func openAt(t testing.TB, url string, pairs ...string) *Engine {
	t.Helper()
	pairs = append(pairs, "url", url, "api_key", misptest.UserKey, "cache_error_ttl", "10ms")
	e, err := Open(stanza(pairs...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// lateAlert has an indicator that the tests' MISP knows.
const lateAlert = `{"timestamp":"2026-03-01T10:00:00.000+0000","rule":{"level":5,"description":"sshd: failed.","id":"5760"},` +
	`"agent":{"id":"004","name":"web-01"},"id":"1772359200.7","data":{"srcip":"203.0.113.5"}}`

const lateRecord = `{"timestamp":"2026-03-01T10:00:00.000+0000","id":"1772359200.7","agent":{"id":"004","name":"web-01"},` +
	`"rule":{"id":"5760","level":5,"description":"sshd: failed."},"misp_verdict":"late_hit","misp_value":"203.0.113.5","misp_type":"ip-src",` +
	`"misp_category":"Network activity","misp_uuid":"UUID","misp_id":6,"misp_event_id":2,"misp_to_ids":true,` +
	`"misp_timestamp":1700000011,"misp_field":"data.srcip","misp_indicator":"203.0.113.5","misp_event_info":"Scanners",` +
	`"misp_event_uuid":"UUID","misp_event_org":"CERT","misp_event_date":"2026-02-04","misp_threat_level":"low",` +
	`"misp_event_url":"URL/events/view/2","misp_count":1}`

// shut makes the server wait with its answers until they are let go.
func shut(server *misptest.Server) (letGo func()) {
	open := make(chan struct{})
	server.Fault(func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		select {
		case <-open:
			answer.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	return func() {
		close(open)
		server.Fault(nil)
	}
}

const other = `{"id":"8","data":{"srcip":"10.0.0.1"}}`

// lateHits sends chunks without indicators until n late hits came out behind
// them, and returns these.
func lateHits(t testing.TB, e *Engine, n int) (late []string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(late) < n && time.Now().Before(end); time.Sleep(time.Millisecond) {
		records, _ := enrich(e, chunk(t, other))
		if records[0] != other {
			t.Fatalf("the chunk was changed: %s", records[0])
		}
		late = append(late, records[1:]...)
	}
	if len(late) != n {
		t.Fatalf("%d late hits, want %d: %q", len(late), n, late)
	}
	return late
}

// waitUntil waits for a condition that others bring about.
func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func workedOff(t testing.TB, e *Engine) {
	t.Helper()
	waitUntil(t, "nothing waits", func() bool { return e.Stats().Pending.Waiting == 0 })
}

// An answer that comes too late for its alert comes out behind the next chunk,
// once.
func TestLateHit(t *testing.T) {
	for _, storage := range []string{"", filepath.Join(t.TempDir(), "storage")} {
		pairs := []string{"max_wait", "20ms"}
		if storage != "" {
			pairs = append(pairs, "storage_path", storage)
		}
		e, server := start(t, database(), pairs...)
		letGo := shut(server)
		got, _ := enrich(e, chunk(t, lateAlert, `{"data":{"srcip":"203.0.113.99"}}`))
		letGo()
		if want := strings.TrimSuffix(lateAlert, "}") + `,"misp_verdict":"unknown","misp_error":"timeout"}`; got[0] != want {
			t.Errorf("got  %s\nwant %s", got[0], want)
		}
		if late := lateHits(t, e, 1); mask(late[0]) != lateRecord {
			t.Errorf("got  %s\nwant %s", mask(late[0]), lateRecord)
		}
		workedOff(t, e)
		if records, modified := enrich(e, chunk(t, other)); modified {
			t.Errorf("there is more: %q", records)
		}
		if s := e.Stats(); s.LateHits != 1 || s.Pending.Dropped != 0 {
			t.Errorf("stats %+v", s)
		}
	}
}

func TestLateHitInOtherLayouts(t *testing.T) {
	tests := []struct {
		pairs []string
		want  string
	}{
		{[]string{"prefix", "ti.", "fields", "verdict,value"}, `"ti.verdict":"late_hit","ti.value":"203.0.113.5"}`},
		{[]string{"format", "ecs", "verdict", "none"}, `"misp_verdict":"late_hit","threat.enrichments":[{"indicator":{"name":"203.0.113.5"`},
	}
	for _, tt := range tests {
		e, server := start(t, database(), append(tt.pairs, "max_wait", "0")...)
		letGo := shut(server)
		enrich(e, chunk(t, lateAlert))
		letGo()
		if late := lateHits(t, e, 1); !strings.Contains(late[0], tt.want) {
			t.Errorf("no %s in %s", tt.want, late[0])
		}
	}
}

// While MISP is away alerts wait on disk, also for the next start; every one is
// asked for when MISP is back.
func TestMISPIsAway(t *testing.T) {
	t.Parallel()
	db := database()
	server := misptest.New(db)
	url := server.Start(t)
	dir := filepath.Join(t.TempDir(), "storage")
	server.Fault(misptest.Status(502))
	const total = 300 // more than are asked for together
	for from := 0; from < total; from += 100 {
		e := openAt(t, url, "storage_path", dir)
		for i := from; i < from+100; i++ {
			alert := strings.ReplaceAll(lateAlert, `.7"`, fmt.Sprintf(`.%d"`, i))
			if i%2 == 1 {
				alert = strings.ReplaceAll(alert, "203.0.113.5", fmt.Sprintf("11.0.0.%d", i%256))
			}
			if got, _ := enrich(e, chunk(t, alert)); !strings.Contains(got[0], `"misp_error":"server_error"`) {
				t.Fatalf("got %s", got)
			}
		}
		e.Close()
	}
	e := openAt(t, url, "storage_path", dir)
	if n := e.Stats().Pending.Waiting; n != total {
		t.Errorf("%d wait, want %d", n, total)
	}
	server.Fault(nil)
	// An alert that could not be answered alone goes behind the others, so they
	// come in any order.
	late := strings.Join(lateHits(t, e, total/2), "\n")
	for i := range total / 2 {
		if want := fmt.Sprintf(`"id":"1772359200.%d"`, 2*i); strings.Count(late, want) != 1 {
			t.Errorf("%d late hits with %s, want 1", strings.Count(late, want), want)
		}
	}
	workedOff(t, e)
}

// A late hit that no chunk took is there after the next start, again.
func TestLateHitOutlivesTheEngine(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	dir := filepath.Join(t.TempDir(), "storage")
	e := openAt(t, url, "storage_path", dir, "max_wait", "0")
	letGo := shut(server)
	enrich(e, chunk(t, lateAlert))
	letGo()
	waitUntil(t, "a late hit", func() bool { return e.late.outbox.waiting.Load() == 1 })
	e.Close()
	e = openAt(t, url, "storage_path", dir)
	lateHits(t, e, 1)
	e.Close()
	e = openAt(t, url, "storage_path", dir)
	if n := e.Stats().Pending.Waiting; n != 0 {
		t.Errorf("%d wait, want none", n)
	}
}

func TestLateHitsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "late.json")
	e, server := start(t, database(), "max_wait", "0", "late_hits_file", file)
	read := func() string {
		b, _ := os.ReadFile(file)
		return string(b)
	}
	letGo := shut(server)
	enrich(e, chunk(t, lateAlert))
	letGo()
	workedOff(t, e)
	if got := mask(read()); got != lateRecord+"\n" {
		t.Errorf("got  %s\nwant %s", got, lateRecord)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	// It was rotated, and what is there now cannot be written to.
	os.Rename(file, file+".1")
	os.Mkdir(file, 0o700)
	letGo = shut(server)
	enrich(e, chunk(t, strings.ReplaceAll(lateAlert, "203.0.113.5", "203.0.113.66")))
	letGo()
	time.Sleep(50 * time.Millisecond)
	os.Remove(file)
	workedOff(t, e)
	if got := read(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"misp_value":"203.0.113.66"`) {
		t.Errorf("got %q", got)
	}
	if records, modified := enrich(e, chunk(t, other)); modified {
		t.Errorf("a chunk has it too: %q", records)
	}
}

// A late hit in a chunk that did not arrive waits for another one.
func TestLateHitIsDeliveredOnce(t *testing.T) {
	server := misptest.New(database())
	letGo := shut(server)
	e := openAt(t, server.Start(t), "max_wait", "10ms")
	enrich(e, chunk(t, lateAlert))
	letGo()
	refused := 0
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var late []string
		delivered := e.Deliver(context.Background(), chunk(t, other), func(n int) []byte { return make([]byte, n) }, func(out []byte, _, _ int) bool {
			late = alerts(out)[1:]
			return len(late) == 0 || refused == 3
		})
		switch {
		case len(late) == 1 && delivered:
			if records, _ := enrich(e, chunk(t, other)); len(records) != 1 {
				t.Errorf("it came again: %q", records)
			}
			return
		case len(late) == 1:
			refused++
		}
	}
	t.Errorf("the late hit did not come after %d refusals", refused)
}

// Of a chunk that does not arrive nothing is counted or followed up: it comes again.
func TestRefusedChunk(t *testing.T) {
	server := misptest.New(database())
	letGo := shut(server)
	e := openAt(t, server.Start(t), "max_wait", "10ms")
	deliver := func(arrives bool) {
		t.Helper()
		c := chunk(t, lateAlert, other, `{"data":{}}`)
		if e.Deliver(t.Context(), c, func(n int) []byte { return make([]byte, n) }, func(_ []byte, events, open int) bool {
			if events != 3 || open != 1 {
				t.Errorf("%d events, %d of them open", events, open)
			}
			return arrives
		}) != arrives {
			t.Errorf("delivered: %t", !arrives)
		}
	}
	for range 3 {
		deliver(false)
	}
	if s := e.Stats(); s.Events+s.Unknown+s.Indicators+s.Pending.Waiting > 0 || len(e.Counts().Rejected) > 0 {
		t.Errorf("%+v, rejected %v", s, e.Counts().Rejected)
	}
	deliver(true)
	if s := e.Stats(); s.Events != 3 || s.Unknown != 1 || s.Pending.Waiting != 1 || e.Counts().Rejected["not a public address"] != 1 {
		t.Errorf("%+v, rejected %v", s, e.Counts().Rejected)
	}
	letGo()
	lateHits(t, e, 1)
	workedOff(t, e)
	if n := e.Stats().LateHits; n != 1 {
		t.Errorf("%d late hits", n)
	}
}
