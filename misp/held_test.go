package misp

import (
	"context"
	"testing"
	"time"
)

// What a cache holds is seen without being used.
func TestHeld(t *testing.T) {
	clock := newClock()
	hit := Answer{Verdict: Known, Hit: &Hit{Total: 1}}
	next := &bookSource{answers: map[string]Answer{"203.0.113.1": hit}}
	c := newTestCache(t, next, CacheConfig{Now: clock.now})
	ask := indicators(t, "ip 203.0.113.1", "ip 203.0.113.2")
	check := func(at int, want Verdict, wantHeld bool, least, most time.Duration) {
		t.Helper()
		answer, left, held := c.Held(ask[at])
		if held != wantHeld || answer.Verdict != want || left < least || left > most {
			t.Errorf("%v: %v, %v, %v, want %v, %v, %v to %v", ask[at], answer.Verdict, held, left, want, wantHeld, least, most)
		}
	}
	check(0, Unknown, false, 0, 0)
	c.Lookup(context.Background(), ask, make([]Answer, 2))
	before := c.Stats()
	check(0, Known, true, 54*time.Minute, time.Hour)
	check(1, Clean, true, 9*time.Minute, 10*time.Minute)
	clock.add(11 * time.Minute)
	check(1, Unknown, false, 0, 0)
	clock.add(time.Hour)
	check(0, Known, true, 0, 0)
	if answer, _, _ := c.Held(ask[0]); answer.Age != 71*time.Minute {
		t.Errorf("its age is %v, want 71m", answer.Age)
	}
	if after := c.Stats(); after != before || next.calls != 1 {
		t.Errorf("stats %+v, before %+v; %d calls", after, before, next.calls)
	}
}
