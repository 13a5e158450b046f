package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A pace keeps Go's monitor thread quiet while Fluent Bit hands over one large
// chunk after another. A thread of the host's never passes through Go's
// scheduler, so the monitor takes each call for one that began long ago: it
// interrupts it, takes its processor away, and looks again every 20
// microseconds. Together that costs as much as the work on the chunk. A yield
// now and then tells it otherwise. After it the monitor stays awake for 10 ms,
// so it pays only while there is much to do.
//
// The zero pace is ready to use, concurrently.
type pace struct{ called, yielded atomic.Int64 } // nanoseconds since started

const (
	paceLarge = 64 << 10              // bytes; a smaller chunk is done before the monitor comes
	paceClose = 10 * time.Millisecond // from one large chunk to the next
	paceYield = 5 * time.Millisecond  // half of what the monitor takes for long
)

var started = time.Now()

// call is called before the work on a chunk of that size.
func (p *pace) call(size int) {
	if size < paceLarge {
		return
	}
	now := int64(time.Since(started))
	if now-p.called.Swap(now) > int64(paceClose) {
		return
	}
	if last := p.yielded.Load(); now-last > int64(paceYield) && p.yielded.CompareAndSwap(last, now) {
		runtime.Gosched()
	}
}
