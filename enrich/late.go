package enrich

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// A follower asks again for what was not answered in time. What turns out to be
// known becomes a late hit, a record of its own, which goes out with the next
// chunk or to a file.
//
// An alert stays in the queue until it is found clean or its late hit is handed
// over: a late hit that still waits when the process ends is found again. So it
// comes out at least once.
type follower struct {
	storage
	cache  *misp.Cache
	layout *layout
	guard  *guard

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	outbox *outbox
	found  atomic.Uint64 // late hits
}

const (
	maxFollowed = 200 // alerts asked for together
	askFor      = time.Minute

	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
)

func newFollower(s storage, cache *misp.Cache, layout *layout, guard *guard) *follower {
	f := &follower{storage: s, cache: cache, layout: layout, guard: guard, outbox: newOutbox(s.queue.Done)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.running.Go(func() {
		for f.ctx.Err() == nil {
			if !f.guard.run("what was not answered in time", f.run) {
				f.sleep(longestPause)
			}
		}
	})
	if s.dir != "" {
		f.running.Go(func() {
			f.guard.run("queues that nobody uses", func() { s.adopt(f.ctx) })
		})
	}
	return f
}

// close ends the follower. What waits stays in the queue.
func (f *follower) close() {
	f.cancel()
	within(closeWithin, f.running.Wait)
	f.queue.Close()
}

// An openAlert is an alert of the queue that is worked on.
type openAlert struct {
	number     uint64
	alert      alert
	indicators []ioc.Indicator
}

// run works the queue off, until the follower is closed.
func (f *follower) run() {
	var todo []openAlert
	n, pause := maxFollowed, firstPause
	for f.ctx.Err() == nil {
		if len(todo) == 0 {
			if todo = f.next(); todo == nil {
				return
			}
		}
		some := todo[:min(n, len(todo))]
		if f.follow(some) {
			todo = todo[len(some):]
			n, pause = min(2*n, maxFollowed), firstPause
			continue
		}
		// It may be a single one that MISP cannot cope with. Alone it makes
		// way for the others.
		if len(some) == 1 {
			f.putBack(some[0])
			todo = todo[1:]
		}
		n = max(1, len(some)/2)
		f.sleep(pause - rand.N(pause/4))
		pause = min(2*pause, longestPause)
	}
}

// next waits for alerts in the queue, and returns none if the follower is
// closed.
func (f *follower) next() (todo []openAlert) {
	for {
		for _, entry := range f.queue.Next(maxFollowed) {
			a, indicators, ok := decodeAlert(entry.Data)
			if !ok {
				f.outbox.finish(entry.Number, nil)
				continue
			}
			todo = append(todo, openAlert{entry.Number, a, indicators})
		}
		if todo != nil {
			return todo
		}
		select {
		case <-f.queue.Ready():
		case <-f.ctx.Done():
			return nil
		}
	}
}

// follow asks for the indicators of some alerts, and finishes them if any was
// answered. Those that are not open any more go back into the queue.
func (f *follower) follow(some []openAlert) (answered bool) {
	var indicators []ioc.Indicator
	for i := range some {
		indicators = append(indicators, some[i].indicators...)
	}
	answers := make([]misp.Answer, len(indicators))
	ctx, cancel := context.WithTimeout(f.ctx, askFor)
	defer cancel()
	f.cache.Lookup(ctx, indicators, answers)
	for i := range answers {
		answered = answered || answers[i].Verdict != misp.Unknown
	}
	if !answered {
		return false
	}
	w := &writer{}
	for i := range some {
		if f.ctx.Err() != nil {
			return true // what is behind a late hit that is not handed over is not done
		}
		n := len(some[i].indicators)
		f.settle(w, &some[i], answers[:n])
		answers = answers[n:]
	}
	return true
}

// settle does what the answers for one alert call for.
func (f *follower) settle(w *writer, a *openAlert, answers []misp.Answer) {
	var matches []match
	var open []openIndicator
	total := 0
	for i := range answers {
		switch answers[i].Verdict {
		case misp.Known:
			var n int
			o := &a.alert.Open[i]
			matches, n = addMatches(matches, a.indicators[i], o.Field, o.Derived, &answers[i])
			total += n
		case misp.Unknown:
			open = append(open, a.alert.Open[i])
		}
	}
	if open != nil {
		rest := alert{identity: a.alert.identity, Open: open}
		f.queue.Put(f.ctx, rest.encode())
	}
	if len(matches) == 0 {
		f.outbox.finish(a.number, nil)
		return
	}
	f.found.Add(1)
	w.buf = w.buf[:0]
	f.layout.lateHit(w, &a.alert.identity, weigh(matches), total)
	f.hand(&lateHit{number: a.number, record: append([]byte(nil), w.buf...)})
}

// putBack puts an alert at the end of the queue, in two halves if it has
// several indicators.
func (f *follower) putBack(a openAlert) {
	for half := (len(a.alert.Open) + 1) / 2; len(a.alert.Open) > 0; {
		part := alert{identity: a.alert.identity, Open: a.alert.Open[:min(half, len(a.alert.Open))]}
		f.queue.Put(f.ctx, part.encode())
		a.alert.Open = a.alert.Open[len(part.Open):]
	}
	f.outbox.finish(a.number, nil)
}

// hand hands a late hit to the file, or to the chunks to come if there is room.
func (f *follower) hand(hit *lateHit) {
	if f.file != nil {
		for pause := firstPause; !f.file.append(hit.record); pause = min(2*pause, longestPause) {
			if f.sleep(pause); f.ctx.Err() != nil {
				return // it stays in the queue
			}
		}
		f.outbox.finish(hit.number, nil)
		return
	}
	for !f.outbox.finish(hit.number, hit) {
		select {
		case <-f.outbox.room:
		case <-f.ctx.Done():
			return
		}
	}
}

func (f *follower) sleep(d time.Duration) { pause(f.ctx, d) }
