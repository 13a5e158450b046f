package enrich

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
)

// failAt has MISP fail so at each request with that value.
func failAt(value string, fault misptest.Fault) misptest.Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(value)) {
			fault(w, r, answer)
			return
		}
		answer.ServeHTTP(w, r)
	}
}

// One value that MISP cannot cope with does not stop the others.
func TestOneValueFails(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "10ms")
	server.Fault(failAt("203.0.113.250", misptest.WrongShape))
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

// Nor is it asked for again and again, however many alerts have it, and others do not
// wait behind them.
func TestManyWaitForOneValue(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "4s")
	var asked atomic.Int64
	server.Fault(failAt("203.0.113.250", func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		asked.Add(1)
		misptest.WrongShape(w, r, answer)
	}))
	for i := range 30 {
		enrich(e, chunk(t, `{"id":"1","data":{"srcip":"203.0.113.250"}}`,
			fmt.Sprintf(`{"id":"2","data":{"srcip":"203.0.113.250","dstip":"11.1.0.%d"}}`, i)))
	}
	for i := range 60 { // other alerts, which MISP answers
		enrich(e, chunk(t, fmt.Sprintf(`{"id":"3","data":{"srcip":"11.2.0.%d"}}`, i)))
		time.Sleep(200 * time.Millisecond)
	}
	if n := asked.Load(); n > 6 {
		t.Errorf("asked for %d times within three times cache_error_ttl", n)
	}
	enrich(e, chunk(t, lateAlert))
	lateHits(t, e, 1)
}

// What is no alert is not done before the alerts in front of it.
func TestNoAlertInTheQueue(t *testing.T) {
	t.Parallel()
	server := misptest.New(database())
	url, dir := server.Start(t), filepath.Join(t.TempDir(), "s")
	server.Fault(misptest.Status(http.StatusForbidden))
	e := openAt(t, url, "max_wait", "0", "storage_path", dir)
	enrich(e, chunk(t, lateAlert))
	e.Close()
	q, err := pending.Open(pending.Config{Dir: filepath.Join(dir, "queue-1")})
	if err != nil {
		t.Fatal(err)
	}
	again := q.Next(1)[0].Data
	for i := range 2*maxFollowed + 1 {
		q.Put(t.Context(), fmt.Append(nil, "of a later version ", i))
	}
	q.Put(t.Context(), again)
	q.Close()
	e = openAt(t, url, "max_wait", "0", "storage_path", dir)
	waitUntil(t, "MISP is away", func() bool { return e.client.Away() })
	e.Close()
	server.Fault(nil)
	lateHits(t, openAt(t, url, "storage_path", dir), 2)
}

// A sourceFunc is a Source.
type sourceFunc func(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer)

func (f sourceFunc) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
	f(ctx, indicators, answers)
}

// followed starts a follower that asks source for the alerts of these addresses.
func followed(t *testing.T, source misp.Source, away func() bool, addresses ...string) *follower {
	q, err := pending.Open(pending.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		a := alert{Open: []openIndicator{{Kind: "ip", Value: address, Field: "data.srcip"}}}
		q.Put(t.Context(), a.encode())
	}
	cache := misp.NewCache(source, misp.CacheConfig{})
	t.Cleanup(cache.Close)
	log := slog.New(slog.DiscardHandler)
	f := newFollower(storage{queue: q, log: log}, cache, away, newLayout(Options{}), &guard{log: log})
	t.Cleanup(f.close)
	return f
}

// A defect costs the alert that meets with it each time, and no other.
func TestDefectWhileOneFollowsUp(t *testing.T) {
	t.Parallel()
	defective := ""
	source := sourceFunc(func(_ context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
		for i := range answers {
			answers[i] = misp.Answer{Verdict: misp.Known, Hit: &misp.Hit{Total: 1, Attributes: []misp.Attribute{{ID: 1, Type: "ip-src"}}}}
			if indicators[i].Value() == defective {
				answers[i].Hit = nil
			}
		}
	})
	var once sync.Once
	away := func() bool {
		once.Do(func() { panic("a defect") })
		return false
	}
	f := followed(t, source, away, "203.0.113.1", "203.0.113.2", "203.0.113.3")
	waitUntil(t, "three late hits", func() bool { return f.found.Load() == 3 })

	defective = "203.0.113.1"
	f = followed(t, source, func() bool { return false }, "203.0.113.1", "203.0.113.2", "203.0.113.3")
	waitUntil(t, "two late hits", func() bool { return f.found.Load() == 2 })
}

// An alert that waited while MISP was away comes out as one late hit.
func TestAlertStaysWhole(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "2s")
	server.Fault(misptest.Status(http.StatusInternalServerError))
	enrich(e, chunk(t,
		`{"id":"1","data":{"srcip":"203.0.113.5","dstip":["203.0.113.6","203.0.113.66"]}}`,
		`{"id":"2","data":{"srcip":"203.0.113.67"}}`))
	time.Sleep(4 * time.Second)
	enrich(e, chunk(t, `{"id":"3","data":{"srcip":"203.0.113.5"}}`)) // MISP's failure is remembered
	server.Fault(nil)
	late := lateHits(t, e, 3)
	slices.Sort(late)
	for i, count := range []int{3, 1, 1} {
		if !strings.HasPrefix(late[i], fmt.Sprintf(`{"id":"%d",`, i+1)) || !strings.Contains(late[i], fmt.Sprintf(`"misp_count":%d`, count)) {
			t.Errorf("%s, want %d attributes", late[i], count)
		}
	}
	workedOff(t, e)
}

// How long alerts have waited for MISP is told also while it is asked in vain.
func TestAgeOfWhatWaits(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "10ms")
	server.Fault(misptest.Status(http.StatusInternalServerError))
	enrich(e, chunk(t, lateAlert, `{"data":{"srcip":"203.0.113.66"}}`))
	time.Sleep(4 * time.Second)
	if age := time.Since(e.Stats().Pending.Oldest); age < 4*time.Second {
		t.Errorf("they have waited for %v", age)
	}
}

// Nor is an alert cut up when the host ends while it is asked for.
func TestAlertStaysWholeAtTheEnd(t *testing.T) {
	t.Parallel()
	server := misptest.New(database())
	url, dir := server.Start(t), filepath.Join(t.TempDir(), "s")
	e := openAt(t, url, "max_wait", "0", "cache_error_ttl", "1s", "storage_path", dir)
	server.Fault(misptest.WrongShape)
	enrich(e, chunk(t, `{"id":"1","data":{"srcip":"203.0.113.5","dstip":"203.0.113.66"}}`))
	waitUntil(t, "a failure", func() bool { return server.Counts().Requests > 0 })
	asked := make(chan bool, 100)
	server.Fault(failAt("203.0.113.66", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		asked <- true
		<-r.Context().Done()
	}))
	<-asked
	e.Close()
	server.Fault(nil)
	e = openAt(t, url, "storage_path", dir)
	if late := lateHits(t, e, 1); !strings.Contains(late[0], `"misp_count":3`) {
		t.Errorf("a part of it: %s", late[0])
	}
	workedOff(t, e)
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
