package misp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestHugeAnswers(t *testing.T) {
	row := `{"id":"1","type":"ip-src","value":"203.0.113.7","comment":"` + strings.Repeat("x", 64<<10) + `"},`
	tests := []struct {
		name, start, fill string
		want              [2]Answer // of an address that the rows have, and of one that they do not have
	}{
		{"blanks", "", strings.Repeat(" ", 64<<10), [2]Answer{{Reason: BadAnswer}, {Reason: BadAnswer}}},
		{"one value", `{"response":{"Attribute":[{"value":"`, strings.Repeat("x", 64<<10), [2]Answer{{Reason: BadAnswer}, {Reason: BadAnswer}}},
		{"nesting", `{"response":{"Attribute":[`, strings.Repeat(`[{"a":`, 10<<10), [2]Answer{{Reason: BadAnswer}, {Reason: BadAnswer}}},
		{"rows that were not asked for", `{"response":{"Attribute":[`, strings.ReplaceAll(row, "203.0", "198.0"), [2]Answer{{Reason: BadAnswer}, {Reason: BadAnswer}}},
		{"rows", `{"response":{"Attribute":[`, row, [2]Answer{{Verdict: Known}, {Reason: BadAnswer}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, tt.start)
				for sent := 0; sent < 1<<30; sent += len(tt.fill) {
					if _, err := io.WriteString(w, tt.fill); err != nil {
						return
					}
				}
			}, func(cfg *Config) { cfg.Timeout = time.Minute })
			c.maxBody = 5 << 20
			start := time.Now()
			heap := heapPeak(t, func() {
				got := lookup(c, indicators(t, "ip 203.0.113.7", "ip 203.0.113.9"))
				for i, a := range got {
					a.Hit = nil
					if a != tt.want[i] {
						t.Errorf("got %+v, want %+v", a, tt.want[i])
					}
				}
			})
			t.Logf("%d MiB, %v", heap>>20, time.Since(start))
			if heap > 50<<20 {
				t.Errorf("took %d MiB of memory", heap>>20)
			}
		})
	}
}

// heapPeak returns by how much the heap grew at most while f ran.
func heapPeak(t *testing.T, f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapAlloc, uint64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	f()
	close(done)
	<-stopped
	return peak - min(before, peak)
}

func TestSlowMISP(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"says nothing": func(w http.ResponseWriter, r *http.Request) { sleep(r) },
		"stops half-way": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"response":{"Attribute":[`)
			w.(http.Flusher).Flush()
			sleep(r)
		},
		"drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
	}
	for name, handler := range tests {
		t.Run(name, func(t *testing.T) {
			book := &logBook{}
			c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				handler(w, r)
			}, func(cfg *Config) {
				cfg.Log = book.logger()
				cfg.Timeout = 200 * time.Millisecond
			})
			start := time.Now()
			a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]
			if d := time.Since(start); d < 200*time.Millisecond || d > 2*time.Second {
				t.Errorf("took %v", d)
			}
			if a != (Answer{Reason: Timeout}) {
				t.Errorf("got %+v", a)
			}
			want := "level=ERROR msg=\"MISP at " + c.cfg.URL + ": no full answer within 200ms: see whether MISP is up and fast enough, or raise timeout\"\n"
			if got := book.take(); got != want {
				t.Errorf("logged %s", got)
			}
		})
	}
}

// TestSlowPages: each page is there in time, but not the whole answer. That is
// MISP's failure, not the caller's, whatever the time that it takes.
func TestSlowPages(t *testing.T) {
	book := &logBook{}
	paged := pagedMISP(t, 1000, "203.0.113.7")
	client := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(150 * time.Millisecond)
		paged(w, r)
	}, func(cfg *Config) {
		cfg.Log = book.logger()
		cfg.Timeout = 200 * time.Millisecond
	})
	client.pageRows = 10
	cache := newTestCache(t, client, CacheConfig{})
	start := time.Now()
	if a := lookup(cache, indicators(t, "ip 203.0.113.7"))[0]; a != (Answer{Reason: Timeout}) {
		t.Errorf("got %+v", a)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
	want := "level=ERROR msg=\"MISP at " + client.cfg.URL + ": no full answer within 800ms: see whether MISP is up and fast enough, or raise timeout\"\n"
	if got := book.take(); got != want || !client.Away() || client.Stats().Errors[Timeout] != 1 {
		t.Errorf("logged %s, away %v, stats %+v", got, client.Away(), client.Stats())
	}
}

func sleep(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(10 * time.Second):
	}
}

func TestGivingUpIsAnErrorToo(t *testing.T) {
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); sleep(r) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := c.Search(ctx, indicators(t, "ip 203.0.113.7")[0])
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "given up before MISP answered") {
		t.Errorf("got %v", err)
	}
}
