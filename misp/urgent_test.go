package misp

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// TestUrgentValuesGoFirst: they wait neither for those under way nor behind
// those that wait, and take along what is in their batch.
func TestUrgentValuesGoFirst(t *testing.T) { synctest.Test(t, urgentValuesGoFirst) }

func urgentValuesGoFirst(t *testing.T) {
	gate := newGate()
	urgent := make(chan bool, 100)
	c := newTestCache(t, sourceFunc(func(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
		urgent <- isUrgent(ctx)
		gate.Lookup(ctx, indicators, answers)
	}), CacheConfig{BatchSize: 2, MaxConcurrency: 1})
	all := addresses(t, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ask := func(ctx context.Context, numbers ...int) {
		for _, n := range numbers {
			c.Lookup(ctx, all[n:n+1], make([]Answer, 1))
		}
	}
	next := func() string {
		values := <-gate.asked
		names := []string{fmt.Sprint(<-urgent)}
		for _, v := range values {
			names = append(names, v.Value()[strings.LastIndexByte(v.Value(), '.')+1:])
		}
		return strings.Join(names, " ")
	}
	check := func(want string) {
		t.Helper()
		if got := next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		synctest.Wait() // until the call waits at the gate, behind those before it
	}
	ask(ctx, 0)
	check("false 0")
	ask(ctx, 1, 2, 3, 4, 5) // wait as 1 2, 3 4, 5
	ask(Urgent(ctx), 6)     // fills the last batch
	check("true 5 6")       // while the first is under way
	ask(Urgent(ctx), 4, 7)  // 4 waits already
	ask(ctx, 8, 9)
	for _, want := range []string{"true 3 4", "true 7 8", "false 1 2"} {
		gate.open <- struct{}{} // in the order in which they wait
		check(want)
	}
	close(gate.open)
	check("false 9")
	for !c.idle() {
		time.Sleep(time.Millisecond)
	}
	c.Close()
	if f := &c.flights; f.pilots != 0 || f.rescue || f.boarding != nil || len(f.queue) != 0 {
		t.Errorf("at the end %d pilots, %v, %v, %v", f.pilots, f.rescue, f.boarding, f.queue)
	}
}
