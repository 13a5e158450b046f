package enrich

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/rules"
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

// No call takes longer than it may, whatever MISP does.
func TestWaitIsBounded(t *testing.T) {
	faults := map[string]misptest.Fault{
		"silent": misptest.Silent,
		"drip":   misptest.Drip(time.Second),
		"late":   misptest.Latency(time.Minute),
		"huge":   misptest.Huge(1 << 30),
		"reset":  misptest.Reset,
	}
	for name, fault := range faults {
		for _, wait := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s %v", name, wait), func(t *testing.T) {
				e, server := start(t, database(), "max_wait", wait.String(), "storage_path", filepath.Join(t.TempDir(), "s"))
				server.Fault(fault)
				best := time.Hour
				for i := range 3 {
					c := chunk(t, strings.ReplaceAll(lateAlert, "203.0.113.5", fmt.Sprintf("203.0.113.%d", 5+i)))
					begin := time.Now()
					got, _ := enrich(e, c)
					best = min(best, time.Since(begin)) // of a few: the machine may be busy
					if !strings.Contains(got[0], `"misp_verdict":"unknown"`) {
						t.Errorf("got %s", got[0])
					}
				}
				if best > wait+20*time.Millisecond {
					t.Errorf("a call takes %v", best)
				}
			})
		}
	}
}

// An alert that comes out as unknown is on disk by then, also where there is
// nothing to wait for, and a full chunk of them too.
func TestStoredBeforeItPasses(t *testing.T) {
	for _, wait := range []string{"0", "1ms", "100ms"} {
		// A call waits for the disk as long as its budget allows, so a busy
		// machine may let one pass too early. It does not do so again and again.
		for try := 1; ; try++ {
			problem := storedAtOnce(t, wait)
			if problem == "" {
				break
			}
			if try == 3 {
				t.Fatalf("max_wait %s: %s", wait, problem)
			}
		}
	}
}

// storedAtOnce enriches chunks with a new engine, and returns what is not on
// disk after one of them.
func storedAtOnce(t *testing.T, wait string) (problem string) {
	dir := filepath.Join(t.TempDir(), "s")
	e, server := start(t, database(), "max_wait", wait, "storage_path", dir)
	server.Fault(misptest.Silent)
	for i := range 10 {
		var lines []string
		for j := range 20 {
			lines = append(lines, strings.ReplaceAll(lateAlert, "203.0.113.5", fmt.Sprintf("11.0.%d.%d", i, j)))
		}
		enrich(e, chunk(t, lines...))
		stored := 0
		segments, _ := filepath.Glob(filepath.Join(dir, "queue-1", "*.segment"))
		for _, segment := range segments {
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			stored += bytes.Count(b, []byte("1772359200.7"))
		}
		if want := 20 * (i + 1); stored != want {
			return fmt.Sprintf("%d alerts are on disk, want %d", stored, want)
		}
	}
	return ""
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

// One value that MISP cannot cope with does not stop the others.
func TestOneValueFails(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "10ms")
	server.Fault(func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("203.0.113.250")) {
			misptest.WrongShape(w, r, answer)
			return
		}
		answer.ServeHTTP(w, r)
	})
	enrich(e, chunk(t,
		`{"id":"1","data":{"srcip":"203.0.113.250"}}`,
		`{"id":"2","data":{"srcip":"203.0.113.250","dstip":"203.0.113.66"}}`,
		`{"id":"3","data":{"srcip":"203.0.113.5"}}`))
	late := lateHits(t, e, 2)
	slices.Sort(late)
	if !strings.HasPrefix(late[0], `{"id":"2",`) || !strings.HasPrefix(late[1], `{"id":"3",`) {
		t.Errorf("got %q", late)
	}
	if n := e.Stats().Pending.Waiting; n != 2 {
		t.Errorf("%d wait, want the two with the value that fails", n)
	}
}

// What would not be found behind a chunk is not put there.
func TestLateHitsNeedAChunk(t *testing.T) {
	e, server := start(t, database(), "max_wait", "0")
	letGo := shut(server)
	enrich(e, chunk(t, lateAlert))
	letGo()
	waitUntil(t, "a late hit", func() bool { return e.late.outbox.waiting.Load() == 1 })
	for name, c := range map[string][]byte{
		"empty":            {},
		"cut off":          append(chunk(t, other), 0x92, 0xc1),
		"without an event": {0x92, 0x00, 0xc0},
	} {
		if out, modified := e.Enrich(context.Background(), c, nil); modified {
			t.Errorf("%s: %x", name, out)
		}
	}
	// No memory: the chunk passes unchanged, the late hit with the next.
	func() {
		defer func() { _ = recover() }()
		e.Enrich(context.Background(), chunk(t, other), func(int) []byte { panic("out of memory") })
	}()
	c := chunk(t, other)
	asked := 0
	out, modified := e.Enrich(context.Background(), c, func(n int) []byte { asked = n; return make([]byte, n) })
	if !modified || !bytes.HasPrefix(out, c) || len(out) != asked || len(alerts(out)) != 2 {
		t.Errorf("modified %v, asked for %d: %x", modified, asked, out)
	}
}

// Late hits go out a few at a time, and more than fit into memory wait in the
// queue.
func TestManyLateHits(t *testing.T) {
	e, server := start(t, database(), "max_wait", "0", "storage_path", filepath.Join(t.TempDir(), "s"))
	letGo := shut(server)
	const total = 2500
	for from := 0; from < total; from += 500 {
		var lines []string
		for i := range 500 {
			lines = append(lines, strings.ReplaceAll(lateAlert, `.7"`, fmt.Sprintf(`.%d"`, from+i)))
		}
		enrich(e, chunk(t, lines...))
	}
	letGo()
	seen := map[string]int{}
	for end := time.Now().Add(20 * time.Second); len(seen) < total && time.Now().Before(end); time.Sleep(time.Millisecond) {
		records, _ := enrich(e, chunk(t, other))
		if len(records) > perChunk+1 {
			t.Fatalf("%d records behind one chunk", len(records)-1)
		}
		for _, record := range records[1:] {
			seen[record]++
		}
	}
	if len(seen) != total {
		t.Errorf("%d late hits, want %d", len(seen), total)
	}
	for record, n := range seen {
		if n != 1 {
			t.Fatalf("%d times: %s", n, record)
		}
	}
	workedOff(t, e)
}

// A host may end and start the filter as often as it likes: nothing is lost and
// nothing stays behind.
func TestReloads(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	server.Fault(misptest.Silent)
	dir := filepath.Join(t.TempDir(), "storage")
	before := runtime.NumGoroutine()
	for i := range 100 {
		e := openAt(t, url, "storage_path", dir, "max_wait", "1ms")
		enrich(e, chunk(t, strings.ReplaceAll(lateAlert, `.7"`, fmt.Sprintf(`.%d"`, i))))
		begin := time.Now()
		e.Close()
		if took := time.Since(begin); took > time.Second {
			t.Fatalf("closing took %v", took)
		}
	}
	server.Fault(nil)
	waitUntil(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before+2 })
	lateHits(t, openAt(t, url, "storage_path", dir), 100)
	if n := len(stacks.of); n != 1 {
		t.Errorf("%d stacks, want 1", n)
	}
}

// Whatever MISP does in between, each alert comes out once, and each hit as a
// field or as a late hit.
func TestFaultsComeAndGo(t *testing.T) {
	e, server := start(t, database(), "max_wait", "20ms", "cache_error_ttl", "10ms", "cache_ttl", "30ms", "cache_stale_ttl", "10ms",
		"timeout", "200ms", "storage_path", filepath.Join(t.TempDir(), "s"))
	const threads, each = 8, 150
	faults := []misptest.Fault{nil, misptest.Silent, misptest.Status(500), misptest.Reset, misptest.CutOff, misptest.Latency(50 * time.Millisecond)}
	var mu sync.Mutex
	seen, found := map[string]int{}, map[string]int{}
	note := func(records []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, record := range records {
			id := record[strings.Index(record, `"id":"n`)+6:]
			id = id[:strings.Index(id, `"`)]
			late := strings.Contains(record, `"misp_verdict":"late_hit"`)
			if !late {
				seen[id]++
			}
			if late || strings.Contains(record, `"misp_verdict":"hit"`) {
				found[id]++
			}
		}
	}
	var wg sync.WaitGroup
	for n := range threads {
		wg.Go(func() {
			for i := range each {
				server.Fault(faults[(i/20+n)%len(faults)])
				records, _ := enrich(e, chunk(t, fmt.Sprintf(`{"id":"n%d.%d","data":{"srcip":"203.0.113.5"}}`, n, i)))
				note(records)
				time.Sleep(time.Millisecond)
			}
		})
	}
	wg.Wait()
	server.Fault(nil)
	waitUntil(t, "every hit", func() bool {
		records, _ := enrich(e, chunk(t, other))
		note(records[1:])
		return len(found) == threads*each
	})
	workedOff(t, e)
	for id := range found {
		if seen[id] != 1 || found[id] != 1 {
			t.Errorf("%s came out %d times, as a hit %d times", id, seen[id], found[id])
		}
	}
	if s := e.Stats(); s.LateHits == 0 || s.Pending.Dropped != 0 {
		t.Errorf("stats %+v", s)
	}
}

// An identity is kept whatever the event has in its place.
func TestIdentity(t *testing.T) {
	tests := []struct {
		name, alert string
		want        identity
	}{
		{"Wazuh's", lateAlert, identity{ID: "1772359200.7", Timestamp: "2026-03-01T10:00:00.000+0000",
			AgentID: "004", AgentName: "web-01", RuleID: "5760", RuleLevel: 5, RuleDescription: "sshd: failed."}},
		{"nothing", `{"a":1}`, identity{}},
		{"of other types", `{"id":7,"timestamp":1.5,"agent":"x","rule":{"id":5760,"level":"12"}}`,
			identity{ID: "7", Timestamp: "1.5", RuleID: "5760", RuleLevel: 12}},
		{"no level", `{"rule":{"level":"high"}}`, identity{}},
		{"long", `{"rule":{"description":"` + strings.Repeat("ä", 1000) + `"}}`, identity{RuleDescription: strings.Repeat("ä", 512)}},
	}
	paths, _ := event.NewPaths(nil)
	for _, tt := range tests {
		c := chunk(t, other, tt.alert)
		s := event.NewScanner(paths)
		s.Reset(c)
		s.Next()
		s.Next()
		if got := new(batch).read(c, s.Event()); got != tt.want {
			t.Errorf("%s: got  %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

// A stored alert that claims to be large takes no memory for it, not even when
// there are many of them.
func TestStoredLengths(t *testing.T) {
	head := "\x98\xa1i\xa0\xa0\xa0\xa0\x00\xa0"
	for _, hostile := range []string{head + "\xdd\x7f\xff\xff\xff", "\x98\xdb\xff\xff\xff\xff", head + "\x91\x94\xdb\xff\xff\xff\xff"} {
		if n := testing.AllocsPerRun(100, func() {
			if _, _, ok := decodeAlert([]byte(hostile)); ok {
				t.Errorf("%q is an alert", hostile)
			}
		}); n > 2 {
			t.Errorf("%q: %v allocations", hostile, n)
		}
	}
}

// FuzzStoredAlert reads anything as a stored alert, and holds the form to its
// property: what is stored is what was.
func FuzzStoredAlert(f *testing.F) {
	a := alert{identity: identity{ID: "1", RuleLevel: 12}, Open: []openIndicator{
		{Kind: "ip", Value: "203.0.113.5", Field: "data.srcip"},
		{Kind: "domain", Value: "example.com", Field: "data.url", Derived: rules.Parent}}}
	f.Add(a.encode())
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte("\x98\xa0\xa0\xa0\xa0\xa0\x00\xa0\xdd\x7f\xff\xff\xff")) // memory for as many
	f.Add(bytes.Repeat([]byte{0x91}, 1<<20))
	f.Add(append([]byte{0x9f}, bytes.Repeat([]byte{0x91}, 1<<20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, indicators, ok := decodeAlert(b)
		if !ok {
			return
		}
		if len(indicators) != len(a.Open) {
			t.Fatalf("%d indicators of %d", len(indicators), len(a.Open))
		}
		again, _, ok := decodeAlert(a.encode())
		if !ok || again.identity != a.identity || !slices.Equal(again.Open, a.Open) {
			t.Errorf("got  %+v\nwant %+v", again, a)
		}
	})
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
		delivered := e.Deliver(context.Background(), chunk(t, other), func(n int) []byte { return make([]byte, n) }, func(out []byte) bool {
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
