package pending

import (
	"context"
	"time"
)

// Put adds entries, which are the queue's from then on. It returns when they
// would survive the end of the process, or when ctx ends; at once if there is
// no disk that takes them, or one that let somebody wait in vain and has taken
// nothing since. Entries longer than [MaxEntry] are dropped.
func (q *Queue) Put(ctx context.Context, entries ...[]byte) {
	q.mu.Lock()
	if q.closed {
		q.dropped += uint64(len(entries))
		q.mu.Unlock()
		return
	}
	if q.next == q.done {
		q.ages = ages{}
	}
	first := q.next
	q.ages.put(first, time.Now())
	for _, data := range entries {
		if len(data) > MaxEntry {
			q.dropped++
			continue
		}
		q.tail = append(q.tail, Entry{q.next, data})
		q.size += len(data) + headSize
		q.next++
	}
	next := q.next
	q.shrink()
	q.mu.Unlock()
	q.logDropped()
	if next == first {
		return
	}
	signal(q.wake)
	signal(q.ready)
	q.await(ctx, next-1)
}

// shrink drops the oldest entries that are not on disk, if they are too many.
func (q *Queue) shrink() {
	for q.size > q.limit {
		if q.tail[0].Number >= q.done {
			q.dropped++
			if q.disk == nil {
				q.done = q.tail[0].Number + 1
			}
		}
		q.size -= len(q.tail[0].Data) + headSize
		q.tail[0] = Entry{}
		q.tail = q.tail[1:]
	}
}

// await waits until the entry of that number is not in memory only.
func (q *Queue) await(ctx context.Context, number uint64) {
	for {
		q.mu.Lock()
		waiting := q.disk != nil && !q.failing && !q.stuck && !q.closed && q.onDisk() <= number
		shorter := q.shorter
		q.mu.Unlock()
		if !waiting {
			return
		}
		select {
		case <-shorter:
		case <-ctx.Done():
			q.mu.Lock()
			if q.onDisk() <= number {
				q.stuck = true
				q.tell()
			}
			q.mu.Unlock()
			return
		}
	}
}

// onDisk returns the first number that is not on disk.
func (q *Queue) onDisk() uint64 {
	if len(q.tail) > 0 {
		return q.tail[0].Number
	}
	return q.next
}
