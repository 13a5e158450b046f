package misp

import (
	"context"
	"slices"
	"sync"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A flight is a batch of values that are asked for together. Values wait for
// one while MaxConcurrency others are under way, so that many small look-ups
// become few large ones.
type flight struct {
	indicators []ioc.Indicator // with memory of their own
	urgent     bool            // one of them is; the others go with it
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
	mu       sync.Mutex
	asked    map[string]seat // by the key of the value
	queue    []*flight       // those that wait, urgent ones first
	boarding *flight         // the one in the queue that has seats left; nil if none
	pilots   int             // goroutines that fly one after the other
	rescue   bool            // one more, that flies what is urgent
	closed   bool
}

// maxWaiting bounds the values that wait and are under way, so that a slow
// source cannot fill memory.
const maxWaiting = 100_000

// await answers the indicators that are missing in the cache, by a seat in a
// flight for each, as far as they land before ctx ends.
func (c *Cache) await(ctx context.Context, indicators []ioc.Indicator, answers []Answer, missing []int) {
	seats := make([]seat, len(missing))
	urgent := isUrgent(ctx)
	now := c.elapsed()
	c.flights.mu.Lock()
	for n, i := range missing {
		// Its flight may have landed since the look-up went through the cache.
		if it := c.shard(indicators[i].Key()).get(indicators[i].Key(), now); it != nil {
			answers[i] = it.at(now)
			continue
		}
		var reason Reason
		if seats[n], reason = c.book(indicators[i], urgent); reason != "" {
			answers[i] = c.unanswered(indicators[i].Key(), reason)
		}
	}
	c.takeOff()
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
				answers[i] = c.unanswered(indicators[i].Key(), Timeout)
				continue
			case <-c.stop.Done():
				answers[i] = c.unanswered(indicators[i].Key(), Timeout)
				continue
			}
		}
		answers[i] = seats[n].answers[seats[n].number]
	}
	for _, i := range missing {
		if answers[i].Age > 0 {
			c.stats.stale.Add(1)
		}
	}
}

// refresh asks anew for hits that end soon, which nobody waits for.
func (c *Cache) refresh(indicators []ioc.Indicator, ending []int) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	for _, i := range ending {
		if _, reason := c.book(indicators[i], false); reason == "" {
			c.stats.refreshed.Add(1)
		}
	}
	c.takeOff()
}

// isEnding reports whether a hit is in the last tenth of its TTL. It does so
// once for an item.
func (c *Cache) isEnding(it *item, now time.Duration) bool {
	return it.answer.Verdict == Known && now >= it.ends-c.cfg.TTL/10 && !it.refreshed.Swap(true)
}

// book returns a seat for an indicator, or the reason why there is none.
func (c *Cache) book(indicator ioc.Indicator, urgent bool) (seat, Reason) {
	f := &c.flights
	s, ok := f.asked[indicator.Key()]
	switch {
	case ok:
		c.stats.joined.Add(1)
	case f.closed:
		return seat{}, Timeout
	case len(f.asked) >= maxWaiting:
		c.stats.overflowed.Add(1)
		return seat{}, QueueFull
	default:
		if f.boarding == nil {
			f.boarding = &flight{landed: make(chan struct{})}
			f.queue = append(f.queue, f.boarding)
		}
		indicator = indicator.Clone()
		s = seat{f.boarding, len(f.boarding.indicators)}
		s.indicators = append(s.indicators, indicator)
		f.asked[indicator.Key()] = s
		if len(s.indicators) >= c.cfg.BatchSize {
			f.boarding = nil
		}
	}
	if urgent && !s.urgent {
		f.hurry(s.flight)
	}
	return s, ""
}

// hurry puts a flight before those that are not urgent, if it still waits.
func (f *flights) hurry(late *flight) {
	i := slices.Index(f.queue, late)
	if i < 0 {
		return
	}
	late.urgent = true
	first := slices.IndexFunc(f.queue, func(other *flight) bool { return !other.urgent || other == late })
	copy(f.queue[first+1:i+1], f.queue[first:i])
	f.queue[first] = late
}

// takeOff sees to it that somebody flies what waits.
func (c *Cache) takeOff() {
	f := &c.flights
	for f.pilots < c.cfg.MaxConcurrency && len(f.queue) > 0 {
		f.pilots++
		first := f.take()
		c.running.Go(func() { c.pilot(first, false) })
	}
	// The others may wait for long, if few requests are allowed.
	if len(f.queue) > 0 && f.queue[0].urgent && !f.rescue {
		f.rescue = true
		first := f.take()
		c.running.Go(func() { c.pilot(first, true) })
	}
}

// pilot flies the flight, and then what waits until nothing does, or nothing that is
// urgent.
func (c *Cache) pilot(f *flight, rescue bool) {
	for ; f != nil; f = c.nextFlight(rescue) {
		c.fly(f)
	}
}

// take takes the first flight out of the queue.
func (f *flights) take() *flight {
	first := f.queue[0]
	f.queue = slices.Delete(f.queue, 0, 1)
	if f.boarding == first {
		f.boarding = nil
	}
	return first
}

// nextFlight takes the next flight of a pilot. If it returns nil, the pilot has to
// end.
func (c *Cache) nextFlight(rescue bool) *flight {
	f := &c.flights
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(f.queue) > 0 && (f.queue[0].urgent || !rescue):
		return f.take()
	case rescue:
		f.rescue = false
	default:
		f.pilots--
	}
	return nil
}

// fly asks the next source, keeps the answers, and lets go who waits for them.
func (c *Cache) fly(f *flight) {
	f.answers = make([]Answer, len(f.indicators))
	defer c.land(f)
	if c.stop.Err() != nil {
		f.fill(Answer{Reason: Timeout})
		return
	}
	purges := c.purges.Load()
	if !c.guard.run("the source behind the cache", func() { c.ask(f) }) {
		f.fill(Answer{Reason: BadAnswer})
	}
	c.guard.run("the cache", func() {
		now := c.elapsed()
		for i, indicator := range f.indicators {
			f.answers[i] = c.keep(indicator.Key(), f.answers[i], now, purges)
		}
	})
}

func (c *Cache) ask(f *flight) {
	ctx := c.stop
	if c.cfg.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
	}
	if f.urgent {
		ctx = Urgent(ctx)
	}
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
