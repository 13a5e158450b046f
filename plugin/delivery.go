package main

import (
	"context"
	"sync"
	"sync/atomic"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/enrich/metrics"
)

// A delivery is what an output does with a chunk. It may be used concurrently.
type delivery struct {
	engine       *enrich.Engine
	sender       *forward.Sender
	retryUnknown bool // rather than send what MISP could not be asked about
	guard        guard
	ctx          context.Context // ends at exit

	records, retries atomic.Uint64 // see metrics.Output

	mu     sync.Mutex // one chunk at a time
	memory []byte     // for the enriched chunk
}

// stats returns what was sent on up to now.
func (d *delivery) stats() metrics.Output {
	return metrics.Output{Targets: d.sender.Stats(), Records: d.records.Load(), Retries: d.retries.Load()}
}

// deliver enriches a chunk, which is only read, sends it on, and reports whether
// it has arrived. If not, the chunk is to be delivered again.
func (d *delivery) deliver(tag string, chunk []byte) (delivered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if fault := recover(); fault != nil {
			delivered = false
			d.guard.caught(fault)
		}
		if cap(d.memory) > maxKept {
			d.memory = nil
		}
		if !delivered {
			d.retries.Add(1)
		}
	}()
	if len(chunk) == 0 {
		return true
	}
	if d.sender.Away() {
		return false // MISP need not be asked for what cannot be sent
	}
	return d.enrich(chunk, func(out []byte, events, open int) bool {
		if d.retryUnknown && open > 0 || !d.sender.Send(d.ctx, tag, out) {
			return false
		}
		d.records.Add(uint64(events))
		return true
	})
}

// maxKept is the size of a chunk, in bytes, past which its memory is not kept.
// Fluent Bit's chunks have at most about 2 MB.
const maxKept = 4 << 20

// enrich hands the chunk with what MISP knows to send; as it was after a defect,
// which would come again with each attempt.
func (d *delivery) enrich(chunk []byte, send func(out []byte, events, open int) bool) (delivered bool) {
	sent := false
	defer func() {
		if fault := recover(); fault != nil {
			d.guard.caught(fault)
			delivered = delivered || !sent && send(chunk, 0, 0)
		}
	}()
	return d.engine.Deliver(d.ctx, chunk, d.alloc, func(out []byte, events, open int) bool {
		sent = true
		delivered = send(out, events, open)
		return delivered
	})
}

func (d *delivery) alloc(size int) []byte {
	if cap(d.memory) < size {
		d.memory = make([]byte, size)
	}
	return d.memory[:size]
}
