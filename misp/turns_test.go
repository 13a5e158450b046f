package misp

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestUrgentTurnsComeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turns{free: 1}
		turns.take(t.Context(), false)
		var order []string
		for _, name := range []string{"a", "b", "A", "c", "B"} {
			go func() {
				turns.take(t.Context(), name < "a")
				order = append(order, name)
				turns.give()
			}()
			synctest.Wait()
		}
		turns.give()
		synctest.Wait()
		if want := []string{"A", "B", "a", "b", "c"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
		if turns.free != 1 {
			t.Errorf("%d are free", turns.free)
		}
	})
}

// TestTurnsAreNotLost: callers that go while they wait take no turn with them.
func TestTurnsAreNotLost(t *testing.T) {
	turns := turns{free: 3}
	var running, most atomic.Int32
	var users sync.WaitGroup
	for range 20 {
		users.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(200*time.Microsecond))
				if turns.take(ctx, rand.N(2) == 0) {
					most.Store(max(most.Load(), running.Add(1)))
					time.Sleep(rand.N(50 * time.Microsecond))
					running.Add(-1)
					turns.give()
				}
				cancel()
			}
		})
	}
	users.Wait()
	if turns.free != 3 || len(turns.urgent)+len(turns.others) != 0 || most.Load() > 3 {
		t.Errorf("%d of 3 are free, %d and %d wait, %d had one at the same time", turns.free, len(turns.urgent), len(turns.others), most.Load())
	}
}
