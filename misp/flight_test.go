package misp

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A gate is a Source that answers Clean when it is opened.
type gate struct {
	asked chan []ioc.Indicator // gets what each call asks for
	open  chan struct{}        // lets one call go on; closed, all
}

func newGate() *gate {
	return &gate{asked: make(chan []ioc.Indicator, 100), open: make(chan struct{})}
}

func (g *gate) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	g.asked <- indicators
	verdict := Answer{Verdict: Clean}
	select {
	case <-g.open:
	case <-ctx.Done():
		verdict = Answer{Reason: Timeout}
	}
	for i := range answers {
		answers[i] = verdict
	}
}

func TestValueIsAskedOnceAtATime(t *testing.T) {
	gate := newGate()
	c := newTestCache(t, gate, CacheConfig{})
	ask := indicators(t, "ip 203.0.113.7", "ip 203.0.113.8", "ip 203.0.113.7")
	var users sync.WaitGroup
	for range 10 {
		users.Go(func() {
			for _, a := range lookup(c, ask) {
				if a.Verdict != Clean {
					t.Errorf("got %+v", a)
				}
			}
		})
	}
	for c.Stats().Missed < 30 {
		time.Sleep(time.Millisecond)
	}
	close(gate.open)
	users.Wait()
	if got := <-gate.asked; len(got) != 2 || len(gate.asked) != 0 {
		t.Errorf("asked for %v, then %d times more", got, len(gate.asked))
	}
	if s := c.Stats(); s.Missed != 30 || s.Joined != 28 {
		t.Errorf("stats %+v", s)
	}
}

// TestPurgeWhileAsking: an answer that was asked for before a purge is not kept.
func TestPurgeWhileAsking(t *testing.T) {
	ask := indicators(t, "ip 203.0.113.7")
	for name, purge := range map[string]func(c *Cache){
		"of the value": func(c *Cache) { c.Purge(ask[0]) },
		"of all":       (*Cache).PurgeAll,
	} {
		gate := newGate()
		c := newTestCache(t, gate, CacheConfig{})
		var user sync.WaitGroup
		user.Go(func() {
			if got := lookup(c, ask); got[0].Verdict != Clean {
				t.Errorf("purge %s: got %+v", name, got[0])
			}
		})
		<-gate.asked
		purge(c)
		close(gate.open)
		user.Wait()
		for range 2 {
			lookup(c, ask)
		}
		if n := len(gate.asked); n != 1 {
			t.Errorf("purge %s: asked %d times more, want once", name, n)
		}
	}
}

// TestWaitingValuesGoTogether: while as many batches as may be are under way,
// what is asked for meanwhile becomes one batch, not one for each look-up.
func TestWaitingValuesGoTogether(t *testing.T) {
	gate := newGate()
	c := newTestCache(t, gate, CacheConfig{BatchSize: 3, MaxConcurrency: 1})
	all := addresses(t, 6)
	var users sync.WaitGroup
	users.Go(func() { lookup(c, all[:1]) })
	if got := <-gate.asked; len(got) != 1 {
		t.Errorf("first %v", got)
	}
	for i := 1; i < 6; i++ {
		users.Go(func() { lookup(c, all[i:i+1]) })
	}
	for c.Stats().Missed < 6 {
		time.Sleep(time.Millisecond)
	}
	close(gate.open)
	users.Wait()
	if second, third := <-gate.asked, <-gate.asked; len(second) != 3 || len(third) != 2 || len(gate.asked) != 0 {
		t.Errorf("then %v and %v, and %d times more", second, third, len(gate.asked))
	}
}

func TestFlightGoesOnWithoutItsCaller(t *testing.T) {
	gate := newGate()
	c := newTestCache(t, gate, CacheConfig{})
	ask := indicators(t, "ip 203.0.113.7")
	answers := make([]Answer, 1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the caller waits for nothing
	start := time.Now()
	c.Lookup(ctx, ask, answers)
	if answers[0] != (Answer{Reason: Timeout}) || time.Since(start) > time.Second {
		t.Errorf("got %+v after %v", answers[0], time.Since(start))
	}
	<-gate.asked
	close(gate.open)
	if got := lookup(c, ask)[0]; got.Verdict != Clean {
		t.Errorf("then %+v", got)
	}
	c.Lookup(ctx, ask, answers)
	if answers[0].Verdict != Clean {
		t.Errorf("from the cache, without waiting: %+v", answers[0])
	}
	if len(gate.asked) != 0 {
		t.Error("asked twice")
	}
}

// TestBatchesLandOneByOne: a caller gets what is there when its time is up.
func TestBatchesLandOneByOne(t *testing.T) {
	gate := newGate()
	c := newTestCache(t, gate, CacheConfig{BatchSize: 10, MaxConcurrency: 1})
	ctx, cancel := context.WithCancel(context.Background())
	answers := make([]Answer, 25)
	go func() {
		gate.open <- struct{}{}
		<-gate.asked
		<-gate.asked // the second batch is under way, so the first has landed
		cancel()
	}()
	c.Lookup(ctx, addresses(t, 25), answers)
	for i, a := range answers {
		want := Answer{Verdict: Clean}
		if i >= 10 {
			want = Answer{Reason: Timeout}
		}
		if a != want {
			t.Errorf("%d is %+v", i, a)
		}
	}
}

// TestSourceSaysHowLongItTakes: ending a flight early would make the failure of
// MISP look like that of a caller.
func TestSourceSaysHowLongItTakes(t *testing.T) {
	c := newTestCache(t, sourceFunc(func(ctx context.Context, _ []ioc.Indicator, answers []Answer) {
		if end, ok := ctx.Deadline(); ok {
			t.Errorf("it has to end after %v", time.Until(end))
		}
		answers[0] = Answer{Verdict: Clean}
	}), CacheConfig{})
	lookup(c, indicators(t, "ip 203.0.113.7"))
}

// TestCloseLeavesBehindWhatDoesNotEnd: a source that never returns.
func TestCloseLeavesBehindWhatDoesNotEnd(t *testing.T) {
	asked, end := make(chan bool), make(chan bool)
	c := NewCache(sourceFunc(func(context.Context, []ioc.Indicator, []Answer) {
		asked <- true
		<-end
	}), CacheConfig{})
	defer c.running.Wait()
	defer close(end)
	got := make(chan Answer)
	go func() { got <- lookup(c, indicators(t, "ip 203.0.113.7"))[0] }()
	<-asked
	start := time.Now()
	c.Close()
	if a := <-got; a != (Answer{Reason: Timeout}) {
		t.Errorf("who waits gets %+v", a)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestFlightHasATimeout(t *testing.T) {
	c := newTestCache(t, newGate(), CacheConfig{Timeout: 20 * time.Millisecond})
	if got := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; got != (Answer{Reason: Timeout}) {
		t.Errorf("got %+v", got)
	}
}

func TestTooManyWait(t *testing.T) {
	gate := newGate()
	c := newTestCache(t, gate, CacheConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ask := addresses(t, maxWaiting+10)
	c.Lookup(ctx, ask, make([]Answer, len(ask)))
	if s := c.Stats(); s.Overflowed != 10 {
		t.Errorf("stats %+v", s)
	}
	if got := lookup(c, ask[maxWaiting:]); got[0] != (Answer{Reason: QueueFull}) {
		t.Errorf("got %+v", got[0])
	}
}

func TestPanicOfTheNextSource(t *testing.T) {
	book := &logBook{}
	c := newTestCache(t, sourceFunc(func(_ context.Context, _ []ioc.Indicator, answers []Answer) {
		answers[0] = Answer{Verdict: Clean}
		panic("oops")
	}), CacheConfig{Log: book.logger()})
	for i := range 3 {
		for _, a := range lookup(c, addresses(t, 2*i+2)[2*i:]) {
			if a != (Answer{Reason: BadAnswer}) {
				t.Errorf("got %+v", a)
			}
		}
	}
	if s := c.Stats(); s.Panics != 3 {
		t.Errorf("stats %+v", s)
	}
	if got := book.take(); strings.Count(got, "a bug, please report it: panic over the source behind the cache: oops") != 1 {
		t.Errorf("logged %s", got)
	}
}

func TestCacheCloses(t *testing.T) {
	before := runtime.NumGoroutine()
	gate := newGate()
	c := NewCache(gate, CacheConfig{BatchSize: 10, Timeout: time.Hour})
	var users sync.WaitGroup
	for i := range 5 {
		users.Go(func() {
			for _, a := range lookup(c, addresses(t, 100*i+100)[100*i:]) {
				if a != (Answer{Reason: Timeout}) {
					t.Errorf("got %+v", a)
				}
			}
		})
	}
	for c.Stats().Missed < 500 {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	c.Close()
	c.Close()
	if d := time.Since(start); d > time.Second {
		t.Errorf("took %v", d)
	}
	users.Wait()
	if len(gate.asked) > 2 {
		t.Errorf("%d batches were asked for, of those that waited", len(gate.asked))
	}
	if got := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; got != (Answer{Reason: Timeout}) {
		t.Errorf("after the end: %+v", got)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
