package enrich

import (
	"context"
	"math/rand/v2"
	"slices"
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
	away   func() bool // whether asking is in vain at the moment
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

func newFollower(s storage, cache *misp.Cache, away func() bool, layout *layout, guard *guard) *follower {
	f := &follower{storage: s, cache: cache, away: away, layout: layout, guard: guard, outbox: newOutbox(s.queue.Done)}
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
	answers    []misp.Answer
}

// whole reports whether all indicators are answered.
func (a *openAlert) whole() bool {
	return !slices.ContainsFunc(a.answers, func(answer misp.Answer) bool { return answer.Verdict == misp.Unknown })
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
		for f.away() && f.ctx.Err() == nil {
			f.sleep(firstPause)
		}
		some := todo[:min(n, len(todo))]
		answered := 0
		if n > 1 {
			answered = f.follow(some)
		} else {
			answered = f.followAlone(&some[0])
		}
		if answered > 0 || n == 1 {
			todo = todo[len(some):]
		}
		if answered == len(some) {
			n, pause = min(2*n, maxFollowed), firstPause
			continue
		}
		// It may be a single one that MISP cannot cope with.
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
			todo = append(todo, openAlert{entry.Number, a, indicators, make([]misp.Answer, len(indicators))})
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

// follow asks for the indicators of some alerts, and returns how many of them
// are answered. If any is, those are finished, and the others put back.
func (f *follower) follow(some []openAlert) (answered int) {
	var indicators []ioc.Indicator
	for i := range some {
		indicators = append(indicators, some[i].indicators...)
	}
	answers := make([]misp.Answer, len(indicators))
	f.ask(f.ctx, indicators, answers)
	for i := range some {
		answers = answers[copy(some[i].answers, answers):]
		if some[i].whole() {
			answered++
		}
	}
	if answered == 0 {
		return 0
	}
	for i := range some {
		if f.ctx.Err() != nil {
			break // what is behind a late hit that is not handed over is not done
		}
		if some[i].whole() {
			f.finish(&some[i])
		} else {
			f.putBack(&some[i], some[i].alert.Open)
		}
	}
	return answered
}

// followAlone asks for the first indicator of an alert, and if that is answered
// for the others. If these are not, MISP can be asked but not for all of them, so
// the alert is finished in parts. Otherwise it makes way for the others, and next
// time it is asked for another of its indicators.
func (f *follower) followAlone(a *openAlert) (answered int) {
	f.ask(f.ctx, a.indicators[:1], a.answers[:1])
	failed := a.answers[0].Verdict == misp.Unknown
	if !failed && len(a.indicators) > 1 {
		f.ask(misp.Again(f.ctx), a.indicators[1:], a.answers[1:])
	}
	switch {
	case f.ctx.Err() != nil: // it stays in the queue as it is
		return 0
	case failed:
		f.putBack(a, append(a.alert.Open[1:], a.alert.Open[0]))
		return 0
	}
	f.finish(a)
	return 1
}

func (f *follower) ask(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	f.cache.Lookup(ctx, indicators, answers)
}

// finish does what the answers for an alert call for. What is not answered goes
// back into the queue, in halves, as there is something that MISP cannot cope with.
func (f *follower) finish(a *openAlert) {
	var matches []match
	var open []openIndicator
	total := 0
	for i := range a.answers {
		switch a.answers[i].Verdict {
		case misp.Known:
			var n int
			o := &a.alert.Open[i]
			matches, n = addMatches(matches, a.indicators[i], o.Field, o.Derived, &a.answers[i])
			total += n
		case misp.Unknown:
			open = append(open, a.alert.Open[i])
		}
	}
	half := (len(open) + 1) / 2
	f.store(a, open[:half])
	f.store(a, open[half:])
	if len(matches) == 0 {
		f.outbox.finish(a.number, nil)
		return
	}
	f.found.Add(1)
	w := &writer{}
	f.layout.lateHit(w, &a.alert.identity, weigh(matches), total)
	f.hand(&lateHit{number: a.number, record: w.buf})
}

// putBack puts an alert at the end of the queue, with its indicators in that order.
func (f *follower) putBack(a *openAlert, open []openIndicator) {
	f.store(a, open)
	f.outbox.finish(a.number, nil)
}

// store stores an alert with some of its indicators, unless there are none.
func (f *follower) store(a *openAlert, open []openIndicator) {
	if len(open) > 0 {
		part := alert{identity: a.alert.identity, Open: open}
		f.queue.Put(f.ctx, part.encode())
	}
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
