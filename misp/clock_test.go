package misp

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestClockSteps: whoever sets the clock of the machine, or its summer time,
// neither ends nor prolongs anything.
func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{time.Hour, -time.Hour, 24 * 365 * time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			clock := newClock()
			before := clock.now()
			clock.step(step)
			if after := clock.now(); after.Unix()-before.Unix() != int64(step/time.Second) || after.Sub(before) != 0 {
				t.Fatalf("the clock of this test goes from %v to %v", before, after)
			}

			t.Run("cache", func(t *testing.T) {
				next := &bookSource{answers: map[string]Answer{"203.0.113.7": {Verdict: Known, Hit: &Hit{}}}}
				c := newTestCache(t, next, CacheConfig{Now: clock.now})
				ask := indicators(t, "ip 203.0.113.7", "ip 203.0.113.8")
				for _, tt := range []struct {
					after time.Duration
					asked string // how often for the hit, and for the clean one
				}{{0, "1 1"}, {0, "1 1"}, {8 * time.Minute, "1 1"}, {3 * time.Minute, "1 2"}, {50 * time.Minute, "2 3"}} {
					clock.add(tt.after)
					clock.step(step)
					c.sweep()
					for _, a := range lookup(c, ask) {
						if a.Age != 0 {
							t.Errorf("got %+v", a)
						}
					}
					if got := fmt.Sprint(next.asked["203.0.113.7"], next.asked["203.0.113.8"]); got != tt.asked {
						t.Errorf("%v later: asked %s times, want %s", tt.after, got, tt.asked)
					}
				}
			})

			t.Run("hold-off", func(t *testing.T) {
				requests := 0
				c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					status(404, "text/html", "")(w, r)
				}, func(cfg *Config) { cfg.Now = clock.now })
				for _, tt := range []struct {
					after    time.Duration
					requests int
				}{{0, 1}, {700 * time.Millisecond, 1}, {300 * time.Millisecond, 2}, {time.Second, 2}, {time.Second, 3}} {
					clock.add(tt.after)
					clock.step(step)
					lookup(c, indicators(t, "ip 203.0.113.7"))
					if requests != tt.requests {
						t.Errorf("%v later: %d requests, want %d", tt.after, requests, tt.requests)
					}
				}
			})
		})
	}
}
