package misp

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A sourceFunc is a Source.
type sourceFunc func(ctx context.Context, indicators []ioc.Indicator, answers []Answer)

func (f sourceFunc) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	f(ctx, indicators, answers)
}

// A book knows some values; it counts how often it is asked for each.
type bookSource struct {
	answers map[string]Answer // by the value; Clean if it is not there

	mu    sync.Mutex
	asked map[string]int
	calls int
}

func (b *bookSource) Lookup(_ context.Context, indicators []ioc.Indicator, answers []Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked == nil {
		b.asked = map[string]int{}
	}
	b.calls++
	for i, indicator := range indicators {
		b.asked[strings.Clone(indicator.Value())]++
		answer, ok := b.answers[indicator.Value()]
		if !ok {
			answer = Answer{Verdict: Clean}
		}
		answers[i] = answer
	}
}

func newTestCache(t testing.TB, next Source, cfg CacheConfig) *Cache {
	t.Helper()
	c := NewCache(next, cfg)
	t.Cleanup(c.Close)
	return c
}

func TestCacheKeepsEachVerdictForItsTime(t *testing.T) {
	hit := Answer{Verdict: Known, Hit: &Hit{Total: 1}}
	const hour, minute = time.Hour, time.Minute
	tests := []struct {
		name   string
		value  string
		answer Answer
		change func(*CacheConfig)
		keeps  time.Duration
	}{
		{"a hit", "203.0.113.1", hit, nil, hour},
		{"clean", "203.0.113.2", Answer{Verdict: Clean}, nil, 10 * minute},
		{"unknown", "203.0.113.3", Answer{Reason: Forbidden}, nil, 30 * time.Second},
		{"a hit, as told", "203.0.113.1", hit, func(c *CacheConfig) { c.TTL = 2 * hour }, 2 * hour},
		{"clean, as told", "203.0.113.2", Answer{Verdict: Clean}, func(c *CacheConfig) { c.NegativeTTL = minute }, minute},
		{"unknown, not at all", "203.0.113.3", Answer{Reason: Forbidden}, func(c *CacheConfig) { c.ErrorTTL = -1 }, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			cfg := CacheConfig{Now: clock.now}
			if tt.change != nil {
				tt.change(&cfg)
			}
			ask := indicators(t, "ip "+tt.value)
			next := &bookSource{answers: map[string]Answer{tt.value: tt.answer}}
			c := newTestCache(t, next, cfg)
			check := func(after string, calls int) {
				t.Helper()
				if got := lookup(c, ask)[0]; got != tt.answer {
					t.Errorf("%s: %+v, want %+v", after, got, tt.answer)
				}
				if next.calls != calls {
					t.Errorf("%s: asked %d times, want %d", after, next.calls, calls)
				}
			}
			check("at first", 1)
			if tt.keeps == 0 {
				check("at once", 2)
				return
			}
			for range 8 { // being asked for does not prolong it
				clock.add(tt.keeps / 10)
				check("within its time", 1)
			}
			clock.add(2 * tt.keeps / 10)
			check("after its time", 2)
		})
	}
}

func TestCacheSpreadsTheEnds(t *testing.T) {
	clock := newClock()
	c := newTestCache(t, &bookSource{}, CacheConfig{NegativeTTL: 100 * time.Minute, Now: clock.now})
	lookup(c, addresses(t, 1000))
	clock.add(90 * time.Minute)
	if c.sweep(); c.Len() != 1000 {
		t.Errorf("%d of 1000 are left after nine tenths of their time", c.Len())
	}
	clock.add(5 * time.Minute)
	if c.sweep(); c.Len() < 400 || c.Len() > 600 {
		t.Errorf("%d of 1000 are left after 95 %% of their time, want about half", c.Len())
	}
	clock.add(5 * time.Minute)
	if c.sweep(); c.Len() != 0 {
		t.Errorf("%d of 1000 are left after their time", c.Len())
	}
}

// TestWallClockDoesNotMatter: whoever sets the clock of the machine must not
// empty the cache, and go-cache goes by that clock.
func TestWallClockDoesNotMatter(t *testing.T) {
	c := newTestCache(t, &bookSource{}, CacheConfig{})
	lookup(c, indicators(t, "ip 203.0.113.7"))
	for _, item := range c.shards[0].items.Items() {
		if item.Expiration != 0 {
			t.Error("go-cache ends an item by the clock of the machine")
		}
	}
}

// TestCacheClones: indicators are views, and their memory is written over.
func TestCacheClones(t *testing.T) {
	c := newTestCache(t, &bookSource{answers: map[string]Answer{"203.0.113.7": {Verdict: Known, Hit: &Hit{}}}}, CacheConfig{})
	var buf ioc.Buffer
	for _, value := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.7", "203.0.113.8"} {
		buf.Reset()
		indicator, _ := buf.Add(ioc.IP, []byte(value))
		want := Clean
		if value == "203.0.113.7" {
			want = Known
		}
		if got := lookup(c, []ioc.Indicator{indicator})[0]; got.Verdict != want {
			t.Errorf("%s is %v", value, got)
		}
	}
	if s := c.Stats(); s.Known != 1 || s.Clean != 1 || s.Missed != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestCachedLookupDoesNotAllocate(t *testing.T) {
	c := newTestCache(t, &bookSource{}, CacheConfig{})
	ask := addresses(t, 100)
	answers := make([]Answer, len(ask))
	ctx := context.Background()
	c.Lookup(ctx, ask, answers)
	if n := testing.AllocsPerRun(100, func() { c.Lookup(ctx, ask, answers) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCacheUnderLoad(t *testing.T) {
	var running, most atomic.Int32
	next := sourceFunc(func(_ context.Context, indicators []ioc.Indicator, answers []Answer) {
		most.Store(max(most.Load(), running.Add(1)))
		defer running.Add(-1)
		time.Sleep(time.Millisecond)
		for i, indicator := range indicators {
			answers[i] = Answer{Verdict: Known, Hit: &Hit{Attributes: []Attribute{{Value: indicator.Value()}}}}
		}
	})
	c := newTestCache(t, next, CacheConfig{Size: 2000, TTL: 5 * time.Millisecond, BatchSize: 50})
	all := addresses(t, 5000)
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			answers := make([]Answer, 100)
			for range 30 {
				start := rand.N(len(all) - len(answers))
				ask := all[start:][:len(answers)]
				c.Lookup(context.Background(), ask, answers)
				for i, a := range answers {
					if a.Verdict != Known || a.Hit.Attributes[0].Value != ask[i].Value() {
						t.Errorf("%v got %+v", ask[i], a)
						return
					}
				}
			}
		})
	}
	users.Go(func() {
		for range 50 {
			c.sweep()
			c.Purge(all[rand.N(len(all))])
			time.Sleep(time.Millisecond)
		}
		c.PurgeAll()
	})
	users.Wait()
	if c.Len() > 2000 || most.Load() > 2 {
		t.Errorf("%d kept, %d batches at the same time", c.Len(), most.Load())
	}
}

// BenchmarkCachedLookup looks chunks up, of values that are seen all the time
// (hot) and of values from all over a large cache (cold).
func BenchmarkCachedLookup(b *testing.B) {
	const chunk = 100
	for name, size := range map[string]int{"hot": 1000, "cold": 100_000} {
		b.Run(name, func(b *testing.B) {
			c := newTestCache(b, &bookSource{}, CacheConfig{})
			all := addresses(b, size)
			c.Lookup(context.Background(), all, make([]Answer, len(all)))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				answers := make([]Answer, chunk)
				start := rand.N(len(all) - chunk)
				for pb.Next() {
					start = (start + chunk) % (len(all) - chunk)
					c.Lookup(context.Background(), all[start:][:chunk], answers)
				}
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunk, "ns/value")
		})
	}
}
