package enrich

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// Alerts of a high level are asked for before others of their chunk.
func TestUrgentAlertsFirst(t *testing.T) {
	e, server := start(t, database(), "batch_size", "2", "max_concurrency", "1", "max_wait", "10s")
	var lines []string
	for i := range 10 {
		lines = append(lines, fmt.Sprintf(`{"rule":{"level":%d},"data":{"srcip":"11.0.0.%d"}}`, 3+i, i))
	}
	enrich(e, chunk(t, lines...))
	if asked := server.Values(); len(asked) != 10 || !slices.Contains(asked[:2], "11.0.0.9") {
		t.Errorf("asked for %q, want 11.0.0.9 in the first request: its level is 12", asked)
	}
}

// MISP is asked for as many values together, and as often at once, as it may be.
func TestAsksAsTold(t *testing.T) {
	const values, batch, atOnce = 5000, 1000, 5
	e, server := start(t, database(), "batch_size", fmt.Sprint(batch), "max_concurrency", fmt.Sprint(atOnce), "max_wait", "10s")
	var asked atomic.Int32
	all := make(chan struct{})
	server.Fault(func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		if asked.Add(1) == atOnce {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(2 * time.Second):
			t.Errorf("not %d requests at once", atOnce)
		}
		answer.ServeHTTP(w, r)
	})
	var lines []string
	for i := range values {
		lines = append(lines, sshAlert(i))
	}
	enrich(e, chunk(t, lines...))
	if n := server.Counts().Requests; n != values/batch {
		t.Errorf("%d requests for %d values, want %d", n, values, values/batch)
	}
}

// A hit that MISP said before serves while it is away, and says how old it is.
func TestStaleHit(t *testing.T) {
	for _, format := range []string{"flat", "ecs"} {
		e, server := start(t, database(), "cache_ttl", "1ms", "format", format)
		enrich(e, chunk(t, lateAlert))
		server.Fault(misptest.Status(500))
		time.Sleep(2 * time.Millisecond)
		got, _ := enrich(e, chunk(t, lateAlert))
		for _, want := range []string{`"misp_verdict":"hit"`, `"misp_stale_seconds":1`, "203.0.113.5"} {
			if !strings.Contains(got[0], want) {
				t.Errorf("%s: no %s in %s", format, want, got[0])
			}
		}
		if n := e.Stats().Pending.Waiting; n != 0 {
			t.Errorf("%s: %d alerts wait, want none", format, n)
		}
	}
}

// A hit is one whatever MISP could not be asked about besides: misp_error is for
// alerts that are unknown.
func TestHitHasNoError(t *testing.T) {
	e, server := start(t, database())
	enrich(e, chunk(t, lateAlert))
	server.Fault(misptest.Status(500))
	got, _ := enrich(e, chunk(t, strings.Replace(lateAlert, `"203.0.113.5"`, `["203.0.113.200","203.0.113.5"]`, 1)))
	if !strings.Contains(got[0], `"misp_verdict":"hit"`) || strings.Contains(got[0], "misp_error") {
		t.Errorf("got %s", got[0])
	}
	if n := e.Stats().Pending.Waiting; n != 1 {
		t.Errorf("%d alerts wait for what MISP could not be asked about, want one", n)
	}
}

// Engines with the same settings for MISP ask once for all of them; one with
// another key asks itself.
func TestEnginesShare(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	a := openAt(t, url)
	b := openAt(t, url, "prefix", "ti.", "max_wait", "1s", "rules", "default")
	c := openAt(t, url, "batch_size", "3")
	for _, e := range []*Engine{a, b} {
		got, _ := enrich(e, chunk(t, lateAlert))
		if !strings.Contains(got[0], e.layout.keys["verdict"]+`":"hit"`) {
			t.Errorf("got %s", got[0])
		}
	}
	if n := server.Counts().Requests; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	a.Close()
	enrich(b, chunk(t, strings.ReplaceAll(lateAlert, "203.0.113.5", "203.0.113.6")))
	enrich(c, chunk(t, lateAlert))
	if n := server.Counts().Requests; n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	b.Close()
	b.Close() // twice is once
	c.Close()
	if n := len(stacks.of); n != 0 {
		t.Errorf("%d stacks are left", n)
	}
}

// What is wrong with a MISP that several engines share is in the log of each.
func TestEnginesShareLog(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	logs := make([]bytes.Buffer, 3)
	var engines []*Engine
	for i := range logs {
		e, err := Open(stanza("url", url, "api_key", misptest.UserKey), slog.New(slog.NewTextHandler(&logs[i], nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		engines = append(engines, e)
	}
	engines[0].Close()
	server.Fault(misptest.Status(403))
	enrich(engines[1], chunk(t, lateAlert))
	engines[1].Close()
	engines[2].Close()
	for i, want := range []int{0, 1, 1} {
		if n := strings.Count(logs[i].String(), "403 Forbidden"); n != want {
			t.Errorf("engine %d: %d lines about it, want %d: %s", i, n, want, &logs[i])
		}
	}
}

// Each engine has its own queue, and finds it again.
func TestEnginesShareStorage(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	server.Fault(misptest.Status(500))
	dir := filepath.Join(t.TempDir(), "s")
	first, second := openAt(t, url, "storage_path", dir), openAt(t, url, "storage_path", dir, "prefix", "ti.")
	enrich(first, chunk(t, lateAlert))
	enrich(second, chunk(t, lateAlert, strings.ReplaceAll(lateAlert, ".7", ".8")))
	first.Close()
	second.Close()
	first, second = openAt(t, url, "storage_path", dir), openAt(t, url, "storage_path", dir, "prefix", "ti.")
	if m, n := first.Stats().Pending.Waiting, second.Stats().Pending.Waiting; m != 1 || n != 2 {
		t.Errorf("%d and %d wait, want 1 and 2", m, n)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", info.Mode(), err)
	}
}

func TestPurge(t *testing.T) {
	// The path of a socket must be short; that of the directory need not.
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 50))
	server := misptest.New(database())
	url := server.Start(t)
	e, other := openAt(t, url, "storage_path", dir), openAt(t, url, "storage_path", dir, "batch_size", "3")
	asks := func(want int) {
		t.Helper()
		server.Reset()
		for _, e := range []*Engine{e, other} {
			enrich(e, chunk(t, lateAlert, strings.ReplaceAll(lateAlert, "203.0.113.5", "203.0.113.66")))
		}
		if n := server.Counts().Values; n != want {
			t.Errorf("%d values were asked for, want %d", n, want)
		}
	}
	// Nobody waits for what only looks like a queue.
	if err := syscall.Mkfifo(filepath.Join(dir, "queue-9"), 0o600); err != nil {
		t.Fatal(err)
	}
	purge := func(values ...string) {
		t.Helper()
		if n, err := Purge(dir, values...); n != 2 || err != nil {
			t.Errorf("%d engines, %v", n, err)
		}
	}
	asks(4)
	asks(0)
	purge("203.0.113.5", "nothing that is an indicator", "evil.example.com")
	asks(2)
	purge()
	asks(4)
	info, err := os.Stat(filepath.Join(dir, "queue-1", "control"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}

	// Who connects and says nothing holds up nobody at the end.
	d, err := os.Open(filepath.Join(dir, "queue-1"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	conn, err := net.Dial("unix", socketIn(d))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := time.Now()
	e.Close()
	if took := time.Since(begin); took > 300*time.Millisecond {
		t.Errorf("closing took %v", took)
	}
	other.Close()
	if n, err := Purge(dir); n != 0 || err != nil {
		t.Errorf("without engines: %d, %v", n, err)
	}
	if _, err := Purge(dir + "x"); err == nil {
		t.Error("no error where there is nothing")
	}
}

// Files that were damaged are no reason not to start.
func TestDamagedStorage(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	server.Fault(misptest.Status(500))
	dir := filepath.Join(t.TempDir(), "s")
	e := openAt(t, url, "storage_path", dir)
	for i := range 3 {
		enrich(e, chunk(t, strings.ReplaceAll(lateAlert, ".7", fmt.Sprintf(".%d", i))))
	}
	e.Close()
	segments, _ := filepath.Glob(filepath.Join(dir, "queue-1", "*.segment"))
	if len(segments) != 1 {
		t.Fatalf("segments: %q", segments)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0xff
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	server.Fault(nil)
	e = openAt(t, url, "storage_path", dir)
	lateHits(t, e, 2)
	workedOff(t, e)
	if n := e.Stats().Pending.Damaged; n != 1 {
		t.Errorf("%d files were damaged, want 1", n)
	}
}
