package main

import (
	"context"
	"sync"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
)

// A delivery is what an output does with a chunk. It may be used concurrently.
type delivery struct {
	engine       *enrich.Engine
	sender       *forward.Sender
	retryUnknown bool // rather than send what MISP could not be asked about
	guard        guard
	ctx          context.Context // ends at exit

	mu     sync.Mutex // one chunk at a time
	memory []byte     // for the enriched chunk
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
	}()
	if len(chunk) == 0 {
		return true
	}
	if d.sender.Away() {
		return false // MISP need not be asked for what cannot be sent
	}
	before := d.engine.Stats().Unknown
	enriched := d.enrich(chunk)
	if d.retryUnknown && d.engine.Stats().Unknown > before {
		return false
	}
	return d.sender.Send(d.ctx, tag, enriched)
}

// maxKept is the size of a chunk, in bytes, past which its memory is not kept.
// Fluent Bit's chunks have at most about 2 MB.
const maxKept = 4 << 20

// enrich returns the chunk with what MISP knows; as it was after a defect,
// which would come again with each attempt.
func (d *delivery) enrich(chunk []byte) (out []byte) {
	out = chunk
	defer func() {
		if fault := recover(); fault != nil {
			out = chunk
			d.guard.caught(fault)
		}
	}()
	enriched, modified := d.engine.Enrich(d.ctx, chunk, func(size int) []byte {
		if cap(d.memory) < size {
			d.memory = make([]byte, size)
		}
		return d.memory[:size]
	})
	if modified {
		out = enriched
	}
	return out
}
