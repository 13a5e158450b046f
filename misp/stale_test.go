package misp

import (
	"context"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// TestStaleHits follows a hit over the time that MISP is away.
func TestStaleHits(t *testing.T) {
	const minute = time.Minute
	hit, other := &Hit{Total: 1}, &Hit{Total: 2}
	away := Answer{Reason: Unreachable}
	type step struct {
		after time.Duration
		says  Answer // MISP, if it is asked
		want  Answer
		asked int // in all
	}
	tests := []struct {
		name   string
		change func(*CacheConfig)
		steps  []step
	}{
		{"serve with their age, until MISP is back", nil, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{45 * minute, away, Answer{Verdict: Known, Hit: hit}, 1},
			{15 * minute, away, Answer{Verdict: Known, Hit: hit, Age: 60 * minute}, 2},
			{20 * time.Second, away, Answer{Verdict: Known, Hit: hit, Age: 60*minute + 20*time.Second}, 2},
			{20 * time.Second, away, Answer{Verdict: Known, Hit: hit, Age: 60*minute + 40*time.Second}, 3},
			{minute, Answer{Verdict: Known, Hit: other}, Answer{Verdict: Known, Hit: other}, 4},
			{40 * minute, away, Answer{Verdict: Known, Hit: other}, 4},
		}},
		{"end when MISP says that there is none", nil, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{70 * minute, away, Answer{Verdict: Known, Hit: hit, Age: 70 * minute}, 2},
			{minute, Answer{Verdict: Clean}, Answer{Verdict: Clean}, 3},
			{20 * minute, away, away, 4},
		}},
		{"end a day after their time", nil, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{24 * 60 * minute, away, Answer{Verdict: Known, Hit: hit, Age: 24 * time.Hour}, 2},
			{61 * minute, away, away, 3},
		}},
		{"end as told", func(cfg *CacheConfig) { cfg.StaleTTL = 10 * minute }, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{60 * minute, away, Answer{Verdict: Known, Hit: hit, Age: 60 * minute}, 2},
			{11 * minute, away, away, 3},
		}},
		{"serve not at all", func(cfg *CacheConfig) { cfg.StaleTTL = -1 }, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{60 * minute, away, away, 2},
		}},
		{"serve where errors are not kept", func(cfg *CacheConfig) { cfg.ErrorTTL = -1 }, []step{
			{0, Answer{Verdict: Known, Hit: hit}, Answer{Verdict: Known, Hit: hit}, 1},
			{60 * minute, away, Answer{Verdict: Known, Hit: hit, Age: 60 * minute}, 2},
			{minute, away, Answer{Verdict: Known, Hit: hit, Age: 61 * minute}, 3},
		}},
		{"are never clean ones", nil, []step{
			{0, Answer{Verdict: Clean}, Answer{Verdict: Clean}, 1},
			{10 * minute, away, away, 2},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			cfg := CacheConfig{Now: clock.now}
			if tt.change != nil {
				tt.change(&cfg)
			}
			next := &bookSource{answers: map[string]Answer{}}
			c := newTestCache(t, next, cfg)
			ask := indicators(t, "ip 203.0.113.7")
			stale := uint64(0)
			for i, s := range tt.steps {
				clock.add(s.after)
				c.sweep()
				next.answers["203.0.113.7"] = s.says
				if got := lookup(c, ask)[0]; got != s.want {
					t.Errorf("step %d: %+v, want %+v", i, got, s.want)
				}
				if next.calls != s.asked {
					t.Errorf("step %d: asked %d times, want %d", i, next.calls, s.asked)
				}
				if s.want.Age > 0 {
					stale++
				}
			}
			if got := c.Stats().Stale; got != stale {
				t.Errorf("%d stale answers counted, want %d", got, stale)
			}
		})
	}
}

// TestStaleHitServesWhoCannotWait, also when MISP is just slow.
func TestStaleHitServesWhoCannotWait(t *testing.T) {
	clock := newClock()
	gate := newGate()
	hit := &Hit{}
	first := true
	c := newTestCache(t, sourceFunc(func(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
		if first {
			first = false
			answers[0] = Answer{Verdict: Known, Hit: hit}
			return
		}
		gate.Lookup(ctx, indicators, answers)
	}), CacheConfig{Now: clock.now})
	ask := indicators(t, "ip 203.0.113.7")
	lookup(c, ask)
	clock.add(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	answers := make([]Answer, 1)
	if c.Lookup(ctx, ask, answers); answers[0] != (Answer{Verdict: Known, Hit: hit, Age: 2 * time.Hour}) {
		t.Errorf("got %+v", answers[0])
	}
	close(gate.open)
	if got := lookup(c, ask)[0]; got != (Answer{Verdict: Clean}) {
		t.Errorf("then %+v", got)
	}
	c.Purge(ask[0])
	c.Close()
	if got := lookup(c, ask)[0]; got != (Answer{Reason: Timeout}) {
		t.Errorf("after a purge %+v", got)
	}
}

// TestRefreshAhead: a hit that is wanted near its end is asked for again, once,
// before it ends; nobody waits for that.
func TestRefreshAhead(t *testing.T) {
	old, young := &Hit{Total: 1}, &Hit{Total: 2}
	tests := []struct {
		name string
		says Answer // MISP, when asked again
		want Answer // after the end of the old hit
	}{
		{"a hit", Answer{Verdict: Known, Hit: young}, Answer{Verdict: Known, Hit: young}},
		{"clean", Answer{Verdict: Clean}, Answer{Verdict: Clean}},
		{"unknown", Answer{Reason: Timeout}, Answer{Verdict: Known, Hit: old}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			next := &bookSource{answers: map[string]Answer{"203.0.113.7": {Verdict: Known, Hit: old}}}
			c := newTestCache(t, next, CacheConfig{Now: clock.now, TTL: 100 * time.Minute})
			ask := indicators(t, "ip 203.0.113.7", "ip 203.0.113.8")
			lookup(c, ask[:1])
			ends := c.serving(ask[0].Key(), 0).ends
			clock.add(ends - 11*time.Minute)
			for range 3 {
				lookup(c, ask)
			}
			if n := next.asked["203.0.113.7"]; n != 1 {
				t.Errorf("asked %d times long before the end", n)
			}
			next.answers["203.0.113.7"] = tt.says
			clock.add(2 * time.Minute)
			for range 3 {
				if got := lookup(c, ask)[0]; got.Verdict != Known && got != tt.want || got.Age != 0 {
					t.Errorf("near the end: %+v", got)
				}
			}
			for c.Stats().Refreshed == 0 || !c.idle() {
				time.Sleep(time.Millisecond)
			}
			if got := lookup(c, ask[:1])[0]; got != tt.want {
				t.Errorf("then %+v, want %+v", got, tt.want)
			}
			if n := next.asked["203.0.113.7"]; n != 2 || c.Stats().Refreshed != 1 {
				t.Errorf("asked %d times in all, refreshed %d times", n, c.Stats().Refreshed)
			}
		})
	}
}

// idle reports whether nothing is asked for.
func (c *Cache) idle() bool {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	return len(c.flights.asked) == 0
}
