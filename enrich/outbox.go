package enrich

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// An outbox holds the late hits that wait for a chunk to go out with. It knows
// what of the queue is done: everything up to the first late hit that is not
// handed over. One goroutine puts in, any may take out.
type outbox struct {
	done func(number uint64) // tells the queue
	room chan struct{}       // something comes when late hits were handed over

	waiting atomic.Int64 // late hits to be taken

	mu       sync.Mutex
	hits     []*lateHit // not handed over, in the order of their alerts
	size     int        // bytes of them
	finished uint64     // the last alert that is worked off, its late hit apart
}

// A lateHit is the record of a late hit.
type lateHit struct {
	number uint64 // of its alert in the queue
	record []byte // msgpack
	state  lateState
}

type lateState uint8

const (
	waits lateState = iota
	taken
	handedOver
)

const (
	maxLateHits  = 1000    // in an outbox
	maxLateBytes = 1 << 20 // likewise
	perChunk     = 100     // late hits that go out together
)

func newOutbox(done func(number uint64)) *outbox {
	return &outbox{done: done, room: make(chan struct{}, 1)}
}

// finish says that an alert is worked off, and puts its late hit in, if it has
// one. It returns false if there is no room.
func (o *outbox) finish(number uint64, hit *lateHit) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if hit != nil {
		if len(o.hits) > 0 && (len(o.hits) >= maxLateHits || o.size+len(hit.record) > maxLateBytes) {
			return false
		}
		o.hits = append(o.hits, hit)
		o.size += len(hit.record)
		o.waiting.Add(1)
	}
	o.finished = number
	o.tell()
	return true
}

// tell tells the queue what is done.
func (o *outbox) tell() {
	n := 0
	for n < len(o.hits) && o.hits[n].state == handedOver {
		o.size -= len(o.hits[n].record)
		o.hits[n] = nil
		n++
	}
	o.hits = o.hits[n:]
	if len(o.hits) == 0 {
		o.done(o.finished)
	} else if first := o.hits[0].number; first > 0 {
		o.done(first - 1)
	}
}

// empty reports whether every late hit is handed over.
func (o *outbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.hits) == 0
}

// take takes some late hits, oldest first, for a chunk that goes out, and
// returns what they add to it. They must be given back by handed.
func (o *outbox) take() (hits []*lateHit, size int) {
	if o.waiting.Load() == 0 {
		return nil, 0
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, hit := range o.hits {
		if len(hits) == perChunk {
			break
		}
		if hit.state == waits {
			hit.state = taken
			hits = append(hits, hit)
			size += eventHeader + len(hit.record)
		}
	}
	o.waiting.Add(int64(-len(hits)))
	return hits, size
}

// handed gives late hits back, as handed over or not.
func (o *outbox) handed(hits []*lateHit, over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, hit := range hits {
		if hit.state = handedOver; !over {
			hit.state = waits
			o.waiting.Add(1)
		}
	}
	o.tell()
	select {
	case o.room <- struct{}{}:
	default:
	}
}

// eventHeader is the size of what an event has before its record.
const eventHeader = 13

// appendLate appends late hits to a chunk, as events of the given time.
func appendLate(chunk []byte, hits []*lateHit, at time.Time) []byte {
	for _, hit := range hits {
		chunk = append(chunk, 0x92, 0x92, 0xd7, 0x00)
		chunk = binary.BigEndian.AppendUint32(chunk, uint32(at.Unix()))
		chunk = binary.BigEndian.AppendUint32(chunk, uint32(at.Nanosecond()))
		chunk = append(append(chunk, 0x80), hit.record...)
	}
	return chunk
}
