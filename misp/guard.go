package misp

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A guard runs what must not end the program by a panic. It counts the panics,
// and logs one every logEvery, as the next record may cause the same again.
type guard struct {
	log   *slog.Logger
	now   func() time.Time
	count atomic.Uint64

	mu     sync.Mutex
	logged time.Time
}

// run calls f and returns false if it panicked, what saying over what.
func (g *guard) run(what string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			g.caught(p, what)
		}
	}()
	f()
	return true
}

func (g *guard) caught(p any, what string) {
	g.count.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); g.logged.IsZero() || now.Sub(g.logged) >= logEvery {
		g.logged = now
		g.log.Error(fmt.Sprintf("a bug, please report it: panic over %s: %v\n%s", what, p, debug.Stack()))
	}
}
