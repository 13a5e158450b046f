package misp

import (
	"context"
	"sync"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A flight is a batch of values that are asked for together. Values wait for
// one while MaxConcurrency others are under way, so that many small look-ups
// become few large ones.
type flight struct {
	indicators []ioc.Indicator // with memory of their own
	answers    []Answer        // set when landed is closed
	landed     chan struct{}
}

// A seat is a value's place in a flight.
type seat struct {
	*flight
	number int
}

// flights are those that wait and those under way.
type flights struct {
	mu     sync.Mutex
	asked  map[string]seat // by the key of the value
	queue  []*flight       // those that wait; only the last has seats left
	pilots int             // goroutines that fly one after the other
	closed bool
}

// maxWaiting bounds the values that wait and are under way, so that a slow
// source cannot fill memory.
const maxWaiting = 100_000

// await answers the indicators that are missing in the cache, by a seat in a
// flight for each, as far as they land before ctx ends.
func (c *Cache) await(ctx context.Context, indicators []ioc.Indicator, answers []Answer, missing []int) {
	seats := make([]seat, len(missing))
	now := c.elapsed()
	c.flights.mu.Lock()
	for n, i := range missing {
		seats[n], answers[i] = c.book(indicators[i], now)
	}
	for range min(c.cfg.MaxConcurrency-c.flights.pilots, len(c.flights.queue)) {
		c.flights.pilots++
		c.running.Go(c.pilot)
	}
	c.flights.mu.Unlock()
	c.stats.missed.Add(uint64(len(missing)))

	for n, i := range missing {
		if seats[n].flight == nil {
			continue
		}
		select {
		case <-seats[n].landed:
		default:
			select {
			case <-seats[n].landed:
			case <-ctx.Done():
				answers[i] = Answer{Reason: Timeout}
				continue
			}
		}
		answers[i] = seats[n].answers[seats[n].number]
	}
}

// book returns a seat for an indicator, or no seat and its answer.
func (c *Cache) book(indicator ioc.Indicator, now time.Duration) (seat, Answer) {
	f := &c.flights
	if s, ok := f.asked[indicator.Key()]; ok {
		c.stats.joined.Add(1)
		return s, Answer{}
	}
	// Its flight may have landed since the look-up went through the cache.
	if it := c.shard(indicator.Key()).get(indicator.Key(), now); it != nil {
		return seat{}, it.answer
	}
	if f.closed {
		return seat{}, Answer{Reason: Timeout}
	}
	if len(f.asked) >= maxWaiting {
		c.stats.overflowed.Add(1)
		return seat{}, Answer{Reason: QueueFull}
	}
	last := len(f.queue) - 1
	if last < 0 || len(f.queue[last].indicators) >= c.cfg.BatchSize {
		f.queue = append(f.queue, &flight{landed: make(chan struct{})})
		last++
	}
	indicator = indicator.Clone()
	s := seat{f.queue[last], len(f.queue[last].indicators)}
	s.indicators = append(s.indicators, indicator)
	f.asked[indicator.Key()] = s
	return s, Answer{}
}

// pilot flies what waits until nothing does.
func (c *Cache) pilot() {
	for {
		c.flights.mu.Lock()
		if len(c.flights.queue) == 0 {
			c.flights.pilots--
			c.flights.mu.Unlock()
			return
		}
		f := c.flights.queue[0]
		c.flights.queue[0] = nil
		c.flights.queue = c.flights.queue[1:]
		c.flights.mu.Unlock()
		c.fly(f)
	}
}

// fly asks the next source, keeps the answers, and lets go who waits for them.
func (c *Cache) fly(f *flight) {
	f.answers = make([]Answer, len(f.indicators))
	defer c.land(f)
	if c.stop.Err() != nil {
		f.fill(Answer{Reason: Timeout})
		return
	}
	if !c.guard.run("the source behind the cache", func() { c.ask(f) }) {
		f.fill(Answer{Reason: BadAnswer})
	}
	c.guard.run("the cache", func() {
		now := c.elapsed()
		for i, indicator := range f.indicators {
			c.put(indicator.Key(), f.answers[i], now)
		}
	})
}

func (c *Cache) ask(f *flight) {
	ctx, cancel := context.WithTimeout(c.stop, c.cfg.Timeout)
	defer cancel()
	c.next.Lookup(ctx, f.indicators, f.answers)
}

func (c *Cache) land(f *flight) {
	c.flights.mu.Lock()
	for _, indicator := range f.indicators {
		delete(c.flights.asked, indicator.Key())
	}
	c.flights.mu.Unlock()
	close(f.landed)
}

func (f *flight) fill(answer Answer) {
	for i := range f.answers {
		f.answers[i] = answer
	}
}
