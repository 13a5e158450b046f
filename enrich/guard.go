package enrich

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A guard runs what must not end the program by a panic, and counts the panics.
type guard struct {
	log   *slog.Logger
	count atomic.Uint64
}

// run calls f and returns false if it panicked, what saying over what.
func (g *guard) run(what string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			g.count.Add(1)
			g.log.Error(fmt.Sprintf("a bug, please report it: panic over %s: %v\n%s", what, p, debug.Stack()))
		}
	}()
	f()
	return true
}

// closeWithin is how long each part of an engine has to end.
const closeWithin = 500 * time.Millisecond

// within calls f and waits for it, but no longer than d.
func within(d time.Duration, f func()) {
	done := make(chan struct{})
	go func() {
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}
