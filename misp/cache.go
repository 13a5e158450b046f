package misp

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"

	"fluent-bit-misp/misp/ioc"
)

// CacheConfig says how much a [Cache] keeps, and for how long. The zero value
// of a field is its default; a negative duration keeps no such answer.
type CacheConfig struct {
	Size        int           // answers, whatever their verdict; 100,000
	TTL         time.Duration // of hits; 1 h
	NegativeTTL time.Duration // of clean answers; 10 min
	ErrorTTL    time.Duration // of unknown ones; 30 s

	BatchSize      int           // values asked for together; 500
	MaxConcurrency int           // batches asked for at the same time; 2
	Timeout        time.Duration // of a batch, once it is asked for; 30 s
	Wait           time.Duration // the longest that a look-up waits for others; as long as its context

	Log *slog.Logger     // nothing by default
	Now func() time.Time // time.Now
}

// A Cache is a [Source] that remembers the answers of the next one.
//
// It asks for a value once at a time: whoever wants it meanwhile waits for the
// same answer. Asking goes on when a caller stops waiting, so that the answer
// is there when the value is next seen.
//
// An answer is kept for its TTL from when it came, or up to a tenth less, so
// that answers that came together do not end together. When the cache is full,
// one that was not used for long makes room.
//
// A Cache may be used concurrently. Make one with [NewCache]; Close ends its
// goroutines.
type Cache struct {
	cfg    CacheConfig
	next   Source
	start  time.Time
	shards []shard
	seed   maphash.Seed
	size   atomic.Int64 // of all shards
	guard  guard
	stats  cacheStats

	flights flights
	stop    context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// NewCache returns an empty cache in front of next, which stays the caller's
// to close, after the cache.
func NewCache(next Source, cfg CacheConfig) *Cache {
	setDefault(&cfg.Size, 100_000)
	setDefault(&cfg.TTL, time.Hour)
	setDefault(&cfg.NegativeTTL, 10*time.Minute)
	setDefault(&cfg.ErrorTTL, 30*time.Second)
	setDefault(&cfg.BatchSize, 500)
	setDefault(&cfg.MaxConcurrency, 2)
	setDefault(&cfg.Timeout, 30*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Cache{cfg: cfg, next: next, start: cfg.Now(), seed: maphash.MakeSeed()}
	// Small caches have one shard, and so the exact order of eviction.
	for n := 1; n <= maxShards && (n == 1 || n*minShard <= cfg.Size); n *= 2 {
		c.shards = make([]shard, n)
	}
	for i := range c.shards {
		c.shards[i].items = gocache.New(gocache.NoExpiration, 0)
	}
	c.guard.log, c.guard.now = cfg.Log, cfg.Now
	c.stop, c.cancel = context.WithCancel(context.Background())
	c.flights.asked = map[string]seat{}
	c.running.Go(c.sweepEvery)
	return c
}

// Lookup implements [Source]. An answer that is in the cache costs no
// allocation, and is also given when ctx has ended. The others are asked for
// even then.
func (c *Cache) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	now := c.elapsed()
	var found [numVerdicts]uint64
	var missing []int
	for i, indicator := range indicators {
		if it := c.shard(indicator.Key()).get(indicator.Key(), now); it != nil {
			answers[i] = it.answer
			found[it.answer.Verdict]++
		} else {
			missing = append(missing, i)
		}
	}
	c.stats.count(&found)
	if missing != nil {
		if c.cfg.Wait > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.cfg.Wait)
			defer cancel()
		}
		c.await(ctx, indicators, answers, missing)
	}
}

// Purge forgets the answer for an indicator.
func (c *Cache) Purge(indicator ioc.Indicator) {
	key := indicator.Key()
	c.remove(c.shard(key), func(it *item) bool { return it.key == key })
}

// PurgeAll forgets every answer.
func (c *Cache) PurgeAll() {
	for i := range c.shards {
		c.remove(&c.shards[i], func(*item) bool { return true })
	}
}

// Len returns how many answers are kept, among them those that ended less than
// a minute ago.
func (c *Cache) Len() int { return int(c.size.Load()) }

// Close ends what the cache is asking for, and its goroutines. Whoever waits
// gets Unknown; so does whoever asks later for what is not in the cache.
func (c *Cache) Close() {
	c.flights.mu.Lock()
	c.flights.closed = true
	c.flights.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// elapsed is the time on the cache's own clock. It is monotonic, so that
// setting the clock of the machine ends no answer and prolongs none.
func (c *Cache) elapsed() time.Duration { return c.cfg.Now().Sub(c.start) }

func (c *Cache) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)&uint64(len(c.shards)-1)]
}

// put keeps an answer.
func (c *Cache) put(key string, answer Answer, now time.Duration) {
	ttl := [...]time.Duration{Unknown: c.cfg.ErrorTTL, Clean: c.cfg.NegativeTTL, Known: c.cfg.TTL}[answer.Verdict]
	if ttl <= 0 || c.cfg.Size < 0 {
		return
	}
	it := &item{key: key, answer: answer, expires: now + ttl - rand.N(ttl/10+1)}
	full := c.size.Add(1) > int64(c.cfg.Size) // first, so that the bound holds whoever else puts
	added, evicted := c.shard(key).put(it, full)
	c.size.Add(int64(added - evicted - 1))
	c.stats.evicted.Add(uint64(evicted))
}

func (c *Cache) remove(s *shard, gone func(*item) bool) {
	c.size.Add(int64(-s.removeIf(gone)))
}

// sweepEvery removes what has ended, until the cache is closed.
func (c *Cache) sweepEvery() {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.guard.run("the cache", c.sweep)
		case <-c.stop.Done():
			return
		}
	}
}

func (c *Cache) sweep() {
	now := c.elapsed()
	for i := range c.shards {
		c.remove(&c.shards[i], func(it *item) bool { return now >= it.expires })
	}
}
