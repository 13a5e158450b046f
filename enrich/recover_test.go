package enrich

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

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
