package misp

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"fluent-bit-misp/misp/ioc"
)

func TestCacheIsBounded(t *testing.T) {
	t.Run("in order when small", func(t *testing.T) {
		c := newTestCache(t, &bookSource{}, CacheConfig{Size: 3})
		cached := func(word string) bool {
			before := c.Stats().Missed
			lookup(c, indicators(t, word))
			return c.Stats().Missed == before
		}
		for i := range 3 {
			lookup(c, indicators(t, fmt.Sprintf("ip 203.0.113.%d", i)))
		}
		if !cached("ip 203.0.113.0") {
			t.Error("the first is gone though there was room")
		}
		lookup(c, indicators(t, "ip 203.0.113.3"))
		if !cached("ip 203.0.113.0") || !cached("ip 203.0.113.3") || !cached("ip 203.0.113.2") {
			t.Error("one that was used is gone, not the one that was not")
		}
		if s := c.Stats(); c.Len() != 3 || s.Evicted != 1 {
			t.Errorf("%d kept, %d evicted", c.Len(), s.Evicted)
		}
	})
	t.Run("when large", func(t *testing.T) {
		const size = 20_000
		c := newTestCache(t, &bookSource{}, CacheConfig{Size: size})
		for start := range 5 {
			lookup(c, addresses(t, 50_000)[start*10_000:][:10_000])
			if want := min(size, (start+1)*10_000); c.Len() != want {
				t.Errorf("%d kept, want %d", c.Len(), want)
			}
		}
		items := 0
		for i := range c.shards {
			s := &c.shards[i]
			items += s.items.ItemCount()
			for slot, it := range s.ring {
				if int(it.slot) != slot || s.get(it.key, 0) != it {
					t.Fatalf("%q is not where it should be", it.key)
				}
			}
		}
		if s := c.Stats(); items != size || s.Evicted != 30_000 {
			t.Errorf("%d items, %d evicted", items, s.Evicted)
		}
	})
	t.Run("to nothing", func(t *testing.T) {
		next := &bookSource{}
		c := newTestCache(t, next, CacheConfig{Size: -1})
		for range 2 {
			lookup(c, indicators(t, "ip 203.0.113.7"))
		}
		if next.calls != 2 || c.Len() != 0 {
			t.Errorf("asked %d times, %d kept", next.calls, c.Len())
		}
	})
}

func TestCacheMemory(t *testing.T) {
	const n = 100_000
	const limit = 40 << 20
	ask := make([]ioc.Indicator, 0, n)
	for i := range n {
		ask = append(ask, indicators(t, fmt.Sprintf("domain a-name-of-usual-length-%d.example.com", i))...)
	}
	answers := make([]Answer, n)
	c := newTestCache(t, &bookSource{asked: map[string]int{}}, CacheConfig{})
	before := heapInUse()
	c.Lookup(context.Background(), ask, answers)
	c.next = nil
	used := int64(heapInUse()) - int64(before)
	t.Logf("%d clean answers take %.1f MB, %d bytes each", c.Len(), float64(used)/1e6, used/n)
	if c.Len() != n || used > limit {
		t.Errorf("%d answers take %d bytes", c.Len(), used)
	}
	runtime.KeepAlive(ask)
	runtime.KeepAlive(answers)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestPurge(t *testing.T) {
	next := &bookSource{}
	c := newTestCache(t, next, CacheConfig{Size: 5000})
	ask := addresses(t, 3000)
	lookup(c, ask)
	c.Purge(ask[7])
	c.Purge(ask[7])
	lookup(c, ask)
	if next.asked[ask[7].Value()] != 2 || next.asked[ask[8].Value()] != 1 || c.Len() != 3000 {
		t.Errorf("asked %d times for what was purged, %d for another; %d kept", next.asked[ask[7].Value()], next.asked[ask[8].Value()], c.Len())
	}
	c.PurgeAll()
	if c.Len() != 0 {
		t.Errorf("%d are left", c.Len())
	}
	lookup(c, ask)
	if next.asked[ask[8].Value()] != 2 || c.Len() != 3000 {
		t.Errorf("asked %d times, %d kept", next.asked[ask[8].Value()], c.Len())
	}
}
