package pending

import "time"

// Stats are the counts of a queue since it was opened.
type Stats struct {
	Waiting   uint64    // entries that are not done
	Bytes     int64     // of them, and of those that are done but not removed yet
	Limit     int64     // of Bytes
	Oldest    time.Time // when the first of those that wait was put, or before; zero if none waits
	Dropped   uint64    // entries that were pushed out, or are gone from the disk
	DroppedAt time.Time // when the last of them was
	Damaged   int       // files that were set aside
	Panics    uint64    // caught
	Failing   bool      // whether the disk does not take what it should
	InMemory  string    // why what waits is in memory only although there is a directory; "" if it is not

	Unreadable string // why what waits on disk cannot be read at the moment; "" if it can
}

// Stats returns the counts up to now. It does not wait for the disk.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{
		Waiting: q.next - q.done, Bytes: int64(q.size), Limit: q.storage,
		Dropped: q.dropped + q.lost, DroppedAt: q.lastDrop,
		Damaged: q.damaged, Panics: q.panics.Load(), Failing: q.failing, InMemory: q.inMemory,
		Unreadable: q.unreadable,
	}
	if q.disk != nil {
		s.Bytes += q.disk.total.Load()
	}
	if s.Waiting > 0 {
		s.Oldest = q.ages.since(q.done)
	}
	return s
}
