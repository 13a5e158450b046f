package misp

import (
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestClosingEndsEverything: whatever MISP does, or does not do, nothing of
// cache and client is left a moment after Close.
func TestClosingEndsEverything(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	slow := newFakeMISP(t, func(_ http.ResponseWriter, r *http.Request) { sleep(r) })
	well := newFakeMISP(t, answer(rows()))
	down := newFakeMISP(t, status(502, "text/html", ""))
	tests := []struct {
		name, url string
		change    func(*Config)
	}{
		{"MISP answers", well.URL, nil},
		{"an answer is awaited", slow.URL, nil},
		{"TLS is being set up", "https://" + silent.Addr().String(), nil},
		{"a connection is being made", "http://192.0.2.1", func(cfg *Config) { cfg.Proxy = NewSecret("socks5://" + silent.Addr().String()) }},
		{"the next try is awaited", down.URL, nil},
		{"the pace is waited for", well.URL, func(cfg *Config) { cfg.MaxRequestsPerMinute = 3 }},
		{"the second MISP is asked", down.URL + "," + slow.URL, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			time.Sleep(10 * time.Millisecond)
			before := runtime.NumGoroutine()
			cfg := Config{URL: tt.url, APIKey: NewSecret(testKey), Timeout: time.Minute, BatchSize: 10}
			if tt.change != nil {
				tt.change(&cfg)
			}
			client, err := NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			cache := NewCache(client, CacheConfig{BatchSize: 10, Timeout: time.Hour})
			var users sync.WaitGroup
			for i := range 3 {
				users.Go(func() { lookup(cache, addresses(t, 150)[50*i:][:50]) })
			}
			time.Sleep(70 * time.Millisecond)
			start := time.Now()
			cache.Close()
			client.Close()
			users.Wait()
			if d := time.Since(start); d > time.Second {
				t.Errorf("took %v", d)
			}
			if a := lookup(client, indicators(t, "ip 203.0.113.7"))[0]; a.Verdict != Unknown {
				t.Errorf("after the end: %+v", a)
			}
			waitForGoroutines(t, before)
		})
	}
}

// waitForGoroutines fails if there are more than before, once those that are
// at their end had the time for it. The test servers' own do not count.
func waitForGoroutines(t *testing.T, before int) {
	t.Helper()
	var stacks string
	for range 100 {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		left := runtime.NumGoroutine() - strings.Count(stacks, "net/http.(*conn).serve(") - strings.Count(stacks, "net/http.(*connReader).backgroundRead(")
		if left <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("goroutines are left; before there were %d:\n%s", before, stacks)
}
