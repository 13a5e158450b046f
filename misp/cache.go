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
	NegativeTTL time.Duration // of clean answers, and of [Refused]; 10 min
	ErrorTTL    time.Duration // of other unknown ones; 30 s
	StaleTTL    time.Duration // of hits past their TTL, for while MISP cannot be asked; 24 h

	BatchSize      int           // values asked for together; 500
	MaxConcurrency int           // batches asked for at the same time; 2; one more if it is urgent
	Timeout        time.Duration // of a batch, once it is asked for; as long as the next source takes

	Log *slog.Logger     // nothing by default
	Now func() time.Time // time.Now
}

// WithDefaults returns cfg with the defaults of the numbers that are not set.
func (cfg CacheConfig) WithDefaults() CacheConfig {
	setDefault(&cfg.Size, 100_000)
	setDefault(&cfg.TTL, time.Hour)
	setDefault(&cfg.NegativeTTL, 10*time.Minute)
	setDefault(&cfg.ErrorTTL, 30*time.Second)
	setDefault(&cfg.StaleTTL, 24*time.Hour)
	setDefault(&cfg.BatchSize, 500)
	setDefault(&cfg.MaxConcurrency, 2)
	return cfg
}

// A Cache is a [Source] that remembers the answers of the next one.
//
// It asks for a value once at a time: whoever wants it meanwhile waits for the
// same answer. Asking goes on when a caller stops waiting, so that the answer
// is there when the value is next seen.
//
// An answer is kept for its TTL from when it came, or up to a tenth less, so
// that answers that came together do not end together. A hit that is wanted
// shortly before its end is asked for again in the background. One past its end
// serves, with its age, while the next source knows no better. When the cache
// is full, an answer that was not used for long makes room.
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
	purges atomic.Uint64
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
	cfg = cfg.WithDefaults()
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
	n := c.Peek(indicators, answers)
	if n == 0 {
		return
	}
	missing := make([]int, 0, n)
	for i, answer := range answers {
		if answer == (Answer{}) {
			missing = append(missing, i)
		}
	}
	c.await(ctx, indicators, answers, missing)
}

// Peek answers what the cache has an answer for, as [Cache.Lookup] does, and
// returns how many of the indicators it has none for: their answers are zero.
// It does not wait, and asks nobody but anew for a hit that ends soon.
func (c *Cache) Peek(indicators []ioc.Indicator, answers []Answer) (missing int) {
	now := c.elapsed()
	var found [numVerdicts]uint64
	var stale uint64
	var ending []int
	for i, indicator := range indicators {
		it := c.shard(indicator.Key()).get(indicator.Key(), now)
		if it == nil {
			answers[i] = Answer{}
			missing++
			continue
		}
		answers[i] = it.at(now)
		if answers[i].Age > 0 {
			stale++
			continue
		}
		found[it.answer.Verdict]++
		if c.isEnding(it, now) {
			ending = append(ending, i)
		}
	}
	c.stats.count(&found)
	if stale > 0 {
		c.stats.stale.Add(stale)
	}
	if ending != nil {
		c.refresh(indicators, ending)
	}
	return missing
}

// Moment returns the time on the cache's own clock, and a number that is another
// after each purge, which ends what [Cache.CleanUntil] said before.
func (c *Cache) Moment() (now time.Duration, purges uint64) {
	return c.elapsed(), c.purges.Load()
}

// CleanUntil returns until when the cache answers that all of the indicators
// are clean, on its own clock; 0 if it does not.
func (c *Cache) CleanUntil(indicators []ioc.Indicator) (until time.Duration) {
	until = c.elapsed() + max(c.cfg.NegativeTTL, 0)
	for _, indicator := range indicators {
		it := c.shard(indicator.Key()).peek(indicator.Key())
		if it == nil || it.answer.Verdict != Clean {
			return 0
		}
		until = min(until, it.expires)
	}
	return until
}

// Size returns how many answers are kept at most.
func (c *Cache) Size() int { return max(c.cfg.Size, 0) }

// ErrorTTL returns for how long it is remembered at most that the next source failed.
func (c *Cache) ErrorTTL() time.Duration { return max(c.cfg.ErrorTTL, 0) }

// Len returns how many answers are kept, among them hits past their TTL and
// others that ended less than a minute ago.
func (c *Cache) Len() int { return int(c.size.Load()) }

// Close ends what the cache is asking for, and its goroutines. Whoever waits
// gets Unknown; so does whoever asks later for what is not in the cache. It
// leaves behind a next source that does not return within a second.
func (c *Cache) Close() {
	c.flights.mu.Lock()
	c.flights.closed = true
	c.flights.mu.Unlock()
	c.cancel()
	ended := make(chan struct{})
	go func() {
		c.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(closeTime):
	}
}

const closeTime = time.Second

// elapsed is the time on the cache's own clock. It is monotonic, so that
// setting the clock of the machine ends no answer and prolongs none.
func (c *Cache) elapsed() time.Duration { return c.cfg.Now().Sub(c.start) }

func (c *Cache) shard(key string) *shard {
	return &c.shards[maphash.String(c.seed, key)&uint64(len(c.shards)-1)]
}

// clean is the answer that most items have.
var clean = Answer{Verdict: Clean}

// keep puts an answer of the next source into the cache, unless there were more
// purges since it was asked, and returns it or what serves in its place.
func (c *Cache) keep(key string, answer Answer, now time.Duration, purges uint64) Answer {
	answer.Age = 0
	ttl := [...]time.Duration{Unknown: c.cfg.ErrorTTL, Clean: c.cfg.NegativeTTL, Known: c.cfg.TTL}[answer.Verdict]
	if answer.Reason == Refused {
		ttl = c.cfg.NegativeTTL
	}
	it := &item{key: key, answer: &clean, born: now}
	if answer != clean {
		it.answer = new(Answer)
		*it.answer = answer
	}
	it.ends = now + ttl - rand.N(max(ttl, 0)/10+1)
	it.expires = it.ends
	if old := c.serving(key, now); old != nil && answer.Verdict == Unknown {
		if now < old.expires {
			return old.at(now) // asked for before its end
		}
		it.answer, it.born, it.ends = old.answer, old.born, old.ends
	}
	if ttl > 0 && c.cfg.Size >= 0 && c.purges.Load() == purges {
		c.put(it)
	}
	return it.at(now)
}

// serving returns the hit that serves while its value cannot be asked for, nil
// if there is none.
func (c *Cache) serving(key string, now time.Duration) *item {
	it := c.shard(key).peek(key)
	if it == nil || !c.serves(it, now) {
		return nil
	}
	return it
}

func (c *Cache) serves(it *item, now time.Duration) bool {
	return it.answer.Verdict == Known && now < it.ends+max(c.cfg.StaleTTL, 0)
}

// unanswered is the answer when the next source did not give one.
func (c *Cache) unanswered(key string, reason Reason) Answer {
	now := c.elapsed()
	if it := c.serving(key, now); it != nil {
		return it.at(now)
	}
	return Answer{Reason: reason}
}

func (c *Cache) put(it *item) {
	full := c.size.Add(1) > int64(c.cfg.Size) // first, so that the bound holds whoever else puts
	added, evicted := c.shard(it.key).put(it, full)
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
		c.remove(&c.shards[i], func(it *item) bool { return now >= it.expires && !c.serves(it, now) })
	}
}
