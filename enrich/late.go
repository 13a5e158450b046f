package enrich

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/misp"
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

	todo     []openAlert     // taken out of the queue, and not done
	together int             // how many of them are asked for at once
	failed   map[string]bool // indicators at which MISP failed alone, and that have had their turn

	outbox *outbox
	found  atomic.Uint64 // late hits
}

const (
	maxFollowed = 200  // alerts asked for together
	maxTodo     = 2000 // alerts that others are read behind; they stay in the queue
	askFor      = time.Minute

	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

func newFollower(s storage, cache *misp.Cache, away func() bool, layout *layout, guard *guard) *follower {
	f := &follower{
		storage:  s,
		cache:    cache,
		away:     away,
		layout:   layout,
		guard:    guard,
		together: maxFollowed,
		failed:   map[string]bool{},
		outbox:   newOutbox(s.queue.Done),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.running.Go(func() {
		for f.ctx.Err() == nil {
			if !f.guard.run("what was not answered in time", f.run) {
				f.caught()
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

// finish does what the answers for an alert call for. What is not answered becomes
// an alert of its own.
func (f *follower) finish(a *openAlert) {
	var matches []match
	rest := alert{identity: a.alert.identity}
	total := 0
	for i := range a.answers {
		o := &a.alert.Open[i]
		switch a.answers[i].Verdict {
		case misp.Known:
			var n int
			matches, n = addMatches(matches, a.indicators[i], o.Field, o.Derived, &a.answers[i])
			total += n
		case misp.Unknown:
			if !a.answers[i].Final() {
				rest.Open = append(rest.Open, *o)
			}
		}
	}
	if rest.Open != nil {
		f.queue.Put(f.ctx, rest.encode())
	}
	if len(matches) == 0 {
		f.outbox.finish(a.last, nil)
		return
	}
	f.found.Add(1)
	w := &writer{}
	f.layout.lateHit(w, &a.alert.identity, weigh(matches), total)
	f.hand(&lateHit{number: a.number, record: w.buf}, a.last)
}

// hand hands a late hit to the file, or to the chunks to come if there is room.
// Everything up to last is worked off with it.
func (f *follower) hand(hit *lateHit, last uint64) {
	if f.file != nil {
		for pause := firstPause; !f.file.append(hit.record); pause = min(2*pause, longestPause) {
			if f.sleep(pause); f.ctx.Err() != nil {
				return // it stays in the queue
			}
		}
		f.outbox.finish(last, nil)
		return
	}
	for !f.outbox.finish(last, hit) {
		select {
		case <-f.outbox.room:
		case <-f.ctx.Done():
			return
		}
	}
}

func (f *follower) sleep(d time.Duration) { pause(f.ctx, d) }
