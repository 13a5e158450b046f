package misp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPaceHoldsInEveryMinute(t *testing.T) {
	for _, perMinute := range []int{1, 2, 7, 60, 600} {
		t.Run(strconv.Itoa(perMinute), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(perMinute)
				var at []time.Time
				start := time.Now()
				for len(at) < 5*perMinute {
					if err := p.wait(t.Context(), true); err != nil {
						t.Fatal(err)
					}
					at = append(at, time.Now())
				}
				for i := perMinute; i < len(at); i++ {
					if d := at[i].Sub(at[i-perMinute]); d < time.Minute-time.Millisecond {
						t.Fatalf("%d requests within %v", perMinute+1, d)
					}
				}
				if d := time.Since(start); d > 6*time.Minute {
					t.Errorf("%d requests take %v", len(at), d)
				}
			})
		})
	}
}

// TestPaceKeepsSomeForUrgent: whoever else waits, an urgent request goes soon.
func TestPaceKeepsSomeForUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(60)
		ctx, cancel := context.WithCancel(t.Context())
		for range 10 {
			go func() {
				for p.wait(ctx, false) == nil {
				}
			}()
		}
		time.Sleep(5 * time.Minute)
		start := time.Now()
		if err := p.wait(ctx, true); err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		cancel()
	})
}

func TestPaceDoesNotWaitInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &logBook{}
		s := newServer("https://misp.example", &Config{MaxRequestsPerMinute: 1, Log: book.logger(), Now: time.Now})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.waitForPace(ctx, false); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 3 {
			if err := s.waitForPace(ctx, false); err == nil || err.Reason != RateLimited {
				t.Errorf("got %v", err)
			}
		}
		if time.Since(start) > 0 {
			t.Error("waited")
		}
		want := `level=WARN msg="MISP at https://misp.example: there is more to ask than max_requests_per_minute allows: raise it, or cache_negative_ttl"` + "\n"
		if got := book.take(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestAllowance(t *testing.T) {
	now := time.Now()
	header := func(limit, left, reset string) http.Header {
		h := http.Header{}
		h.Set("X-Rate-Limit-Limit", limit)
		h.Set("X-Rate-Limit-Remaining", left)
		h.Set("X-Rate-Limit-Reset", reset)
		return h
	}
	tests := []struct {
		name           string
		header         http.Header
		after          time.Duration
		others, urgent string // why not
	}{
		{"none", http.Header{}, 0, "", ""},
		{"plenty", header("100", "50", "600"), 0, "", ""},
		{"the last tenth", header("100", "10", "600"), 0, "10 of 100 requests are left for the next 10m0s", ""},
		{"all used", header("100", "0", "600"), time.Minute, "0 of 100 requests are left for the next 9m0s", "0 of 100 requests are left for the next 9m0s"},
		{"over", header("100", "0", "600"), 10 * time.Minute, "", ""},
		{"the last of few", header("5", "1", "9"), 0, "1 of 5 requests are left for the next 9s", ""},
		{"the only one", header("1", "1", "9"), 0, "", ""},
		{"without a reset", header("100", "0", ""), 0, "", ""},
		{"a reset far away", header("100", "0", "864000"), longestRateLimit, "", ""},
		{"nonsense", header("-1", "x", "y"), 0, "", ""},
	}
	for _, tt := range tests {
		var a allowance
		a.heard(tt.header, now)
		for i, want := range []string{tt.others, tt.urgent} {
			err, got := a.refuses(i == 1, now.Add(tt.after)), ""
			if err != nil {
				got = err.Problem
			}
			if got != want {
				t.Errorf("%s: urgent %v: %q, want %q", tt.name, i == 1, got, want)
			}
		}
	}
}

// TestRateLimitIsNotHit: MISP says how many requests are left, and they are
// used to the last, by who is urgent, before MISP has to say 429.
func TestRateLimitIsNotHit(t *testing.T) {
	const limit = 20
	clock, book := newClock(), &logBook{}
	var mu sync.Mutex
	requests := 0
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		w.Header().Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(limit-requests))
		w.Header().Set("X-Rate-Limit-Reset", "600")
		if requests > limit {
			t.Error("one more than the limit")
		}
		answer(rows())(w, r)
	}, func(cfg *Config) { cfg.Now, cfg.Log = clock.now, book.logger() })
	answers := make([]Answer, 1)
	count := func(ctx context.Context) (n int) {
		for range limit {
			c.Lookup(ctx, indicators(t, "ip 203.0.113.7"), answers)
			switch answers[0] {
			case Answer{Verdict: Clean}:
				n++
			case Answer{Reason: RateLimited}:
			default:
				t.Errorf("got %+v", answers[0])
			}
		}
		return n
	}
	if n := count(t.Context()); n != limit-2 {
		t.Errorf("%d searches of %d, two of which are for urgent ones", n, limit)
	}
	if !c.Away() {
		t.Error("not away")
	}
	if n := count(Urgent(t.Context())); n != 2 {
		t.Errorf("%d urgent searches, want the two that are left", n)
	}
	clock.add(10 * time.Minute)
	requests = 0
	if n := count(Urgent(t.Context())); n != limit {
		t.Errorf("%d searches in the next window", n)
	}
	want := fmt.Sprintf("level=WARN msg=\"MISP at %s: 2 of 20 requests are left for the next 10m0s: raise the rate limit of the role in MISP\"\n", c.cfg.URL)
	if got, _, _ := strings.Cut(book.take(), "level=WARN msg=\"MISP at "+c.cfg.URL+": 0 of"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestPagesKeepTheRateLimit: what a search needs more is not asked for when
// nothing is left, and MISP is then left alone as after a 429.
func TestPagesKeepTheRateLimit(t *testing.T) {
	clock := newClock()
	paged := pagedMISP(t, 25, "203.0.113.7")
	left := 2
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		left--
		w.Header().Set("X-Rate-Limit-Limit", "20")
		w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
		w.Header().Set("X-Rate-Limit-Reset", "60")
		paged(w, r)
	}, func(cfg *Config) { cfg.Now = clock.now })
	c.pageRows = 10
	ask := indicators(t, "ip 203.0.113.7")
	for range 2 {
		if a := lookup(c, ask)[0]; a != (Answer{Reason: RateLimited}) || left != 0 {
			t.Errorf("got %+v, %d left", a, left)
		}
	}
	left = 20
	clock.add(time.Minute)
	if a := lookup(c, ask)[0]; a.Verdict != Known || a.Hit.Total != 25 {
		t.Errorf("got %+v", a)
	}
}
