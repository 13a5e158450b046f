package pending

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"
)

// lookEvery is how often the keeper looks whether somebody has taken something away.
// It is less than others wait before they take a queue without a lock for nobody's.
const lookEvery = 2 * time.Second

// keep writes what is put to the disk, until the queue is closed.
func (q *Queue) keep() {
	defer close(q.ended)
	defer q.disk.release()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		err := q.store()
		if errors.Is(err, fs.ErrNotExist) { // what it was about to use has been taken away
			err = q.store()
		}
		q.failed(err)
		var again <-chan time.Time
		wake, look := q.wake, ticker.C
		if err != nil { // a disk in trouble is not tried for every entry
			again, wake, look = time.After(q.retry), nil, nil
		}
		select {
		case <-wake:
		case <-look:
		case <-again:
		case <-q.stop:
			q.failed(q.store())
			return
		}
	}
}

// store writes all that is not on disk.
func (q *Queue) store() (err error) {
	defer func() {
		if p := recover(); p != nil {
			q.panics.Add(1)
			err = fmt.Errorf("a bug, please report it: panic: %v\n%s", p, debug.Stack())
		}
	}()
	for {
		q.mu.Lock()
		var entries []Entry
		for size := 0; len(entries) < len(q.tail) && size < maxWrite; {
			e := q.tail[len(entries)]
			entries = append(entries, e)
			size += len(e.Data) + headSize
		}
		done := q.done
		q.mu.Unlock()
		lost, err := q.disk.restore()
		q.lose(lost)
		if err != nil {
			return err
		}
		if err := q.disk.finish(done); err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		n, oldest, dropped, err := q.disk.append(entries)
		q.mu.Lock()
		if n > 0 {
			q.stuck = false
			q.cut(entries[n-1].Number + 1)
		}
		q.dropped += dropped
		q.done = max(q.done, oldest)
		q.mu.Unlock()
		q.logDropped()
		if err != nil {
			return err
		}
	}
}

// failed notes whether the disk takes what it should, and logs it when that
// changes.
func (q *Queue) failed(err error) {
	q.mu.Lock()
	changed := q.failing != (err != nil)
	q.failing, q.inMemory = err != nil, ""
	if err != nil {
		q.inMemory = "storage_path: " + err.Error() + ": until that is mended, alerts that wait for MISP are kept in memory only"
	}
	problem := q.inMemory
	q.tell()
	q.mu.Unlock()
	switch {
	case changed && err != nil:
		q.log.Error(problem)
	case changed:
		q.log.Info("storage_path: alerts that wait for MISP are on disk again")
	}
}

// readable notes whether what is on disk can be read, and logs it when that
// changes. It is tried again after a while.
func (q *Queue) readable(err error) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return
	}
	was := q.unreadable
	q.unreadable = ""
	if err != nil {
		q.unreadable = "storage_path: " + err.Error() + ": alerts that wait for MISP cannot be read; they are asked about once that is mended"
		q.again.Reset(q.retry)
	}
	problem := q.unreadable
	q.mu.Unlock()
	switch {
	case was == "" && problem != "":
		q.log.Error(problem)
	case was != "" && problem == "":
		q.log.Info("storage_path: alerts that wait for MISP can be read again")
	}
}

// lose notes that entries are gone from the disk.
func (q *Queue) lose(n uint64) {
	if n == 0 {
		return
	}
	q.mu.Lock()
	q.lost += n
	q.lastDrop = time.Now()
	q.mu.Unlock()
	q.log.Error(fmt.Sprintf("storage_path: files are gone or damaged, and %d alerts that waited for MISP with them: whether MISP knows them stays unknown", n))
}

const logEvery = 10 * time.Minute

// logDropped notes when entries were pushed out, and logs it now and then.
func (q *Queue) logDropped() {
	q.mu.Lock()
	now, dropped := time.Now(), q.dropped
	if dropped > q.noticed {
		q.noticed, q.lastDrop = dropped, now
	}
	due := dropped > q.logged && (q.logged == 0 || now.Sub(q.loggedAt) >= logEvery)
	if due {
		q.logged, q.loggedAt = dropped, now
	}
	q.mu.Unlock()
	if due {
		q.log.Warn(fmt.Sprintf("more alerts wait for MISP than pending_size allows: the oldest are dropped, %d up to now; whether MISP knows them stays unknown", dropped))
	}
}

// Close writes what is not on disk yet, and ends the queue. If the disk does
// not answer, it gives up after a second.
func (q *Queue) Close() {
	q.mu.Lock()
	closed := q.closed
	q.closed = true
	q.again.Stop()
	q.mu.Unlock()
	if !closed {
		close(q.stop)
	}
	select {
	case <-q.ended:
	case <-time.After(closeWithin):
		q.log.Error("storage_path: the disk does not answer; alerts that wait for MISP may be lost")
	}
}
