// Package pending is a queue of byte strings for what waits for an answer:
// first in, first out, bounded, and durable if it has a directory.
//
// It does not know what it keeps. Its one invariant: to put something in never
// waits for the disk longer than the caller wants, and never fails. What does
// not fit pushes out the oldest, which is counted; what the disk does not take
// stays in memory.
//
// It is a log of segments and no database, because that is all that a queue
// needs: one write to put a hundred entries, none to read them again, a file
// removed to drop the oldest. It maps no file into memory, where a bad disk
// would end the process.
package pending

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where a [Queue] is, and how much it holds.
type Config struct {
	Dir   string // made, with mode 0700, if there is none; "" is a queue in memory
	Label string // says what the entries are for; "" takes them for anything
	Size  int64  // bytes on disk; 64 MiB

	Log *slog.Logger // says what is wrong with the disk; nothing by default
}

const (
	defaultSize = 64 << 20
	maxInMemory = 8 << 20 // bytes that are not on disk
	maxWrite    = 1 << 20 // bytes written at once
	retryEvery  = 5 * time.Second
	closeWithin = time.Second
)

// A Queue holds entries until they are done. Put and Done may be used
// concurrently; Next must not. Make one with [Open]; Close ends its goroutine.
type Queue struct {
	log     *slog.Logger
	disk    *disk // nil in memory
	limit   int   // bytes in the tail
	storage int64 // bytes of all

	retry time.Duration
	wake  chan struct{} // the keeper has work
	ready chan struct{} // there may be more for Next
	again *time.Timer   // makes it ready when what could not be read is tried again
	stop  chan struct{}
	ended chan struct{}

	panics atomic.Uint64 // caught

	mu       sync.Mutex
	tail     []Entry // those that are not on disk yet, or never will be
	size     int     // bytes of the tail
	next     uint64  // the number of the next entry
	cursor   uint64  // the first number that Next has not returned
	done     uint64  // everything below is
	failing  bool    // the disk did not take the tail the last time
	stuck    bool    // somebody waited for the disk in vain, and it has taken nothing since
	closed   bool
	shorter  chan struct{} // closed when the tail gets shorter or the disk fails
	lost     uint64        // gone from the disk
	dropped  uint64
	noticed  uint64    // how many of them have a time
	lastDrop time.Time // of the last of those
	logged   uint64    // how many of them the log has
	loggedAt time.Time // and since when
	damaged  int
	inMemory string // why, although there is a directory
	ages     ages   // of what is not done

	unreadable string // why what is on disk is, at the moment
}

// Open opens the queue in a directory, with what it held when it was last open,
// whatever ended that. Damaged files are set aside. The error says why the
// directory must not or cannot be used, such as [ErrInUse] and [ErrOther]; a
// disk that is full or cannot be written at the moment is no error but makes a
// queue in memory.
func Open(cfg Config) (*Queue, error) {
	if cfg.Size == 0 {
		cfg.Size = defaultSize
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{
		log:     cfg.Log,
		limit:   int(min(cfg.Size, maxInMemory)),
		storage: min(cfg.Size, maxInMemory),
		retry:   retryEvery,
		wake:    make(chan struct{}, 1),
		ready:   make(chan struct{}, 1),
		stop:    make(chan struct{}),
		ended:   make(chan struct{}),
		shorter: make(chan struct{}),
	}
	q.again = time.AfterFunc(q.retry, func() { signal(q.ready) })
	q.again.Stop()
	if cfg.Dir != "" {
		disk, damaged, err := openDisk(cfg)
		if q.damaged = len(damaged); q.damaged > 0 {
			q.log.Warn("storage in " + cfg.Dir + ": damaged files were set aside as *" + damagedExt + ", what is whole in them is used: " + strings.Join(damaged, ", "))
		}
		switch {
		case IsTrouble(err):
			q.inMemory = "storage in " + cfg.Dir + ": " + err.Error() + ": until the next start, alerts that wait for MISP are kept in memory only"
			q.log.Error(q.inMemory)
		case err != nil:
			return nil, err
		default:
			q.disk = disk
			q.storage = cfg.Size
			q.resume()
		}
	}
	if q.disk == nil {
		close(q.ended)
	} else {
		go q.keep()
	}
	return q, nil
}

// Durable reports whether the queue has its directory. It has not if the disk
// was in trouble when it was opened.
func (q *Queue) Durable() bool { return q.disk != nil }

// resume goes on where the queue on disk ended.
func (q *Queue) resume() {
	q.done, q.next = q.disk.done, q.disk.next()
	for _, s := range q.disk.segments {
		if info, err := q.disk.root.Stat(segmentName(s.first)); err == nil {
			q.ages.put(s.first, info.ModTime())
		}
	}
	q.cursor = q.done
	if q.next > q.done {
		q.ready <- struct{}{}
	}
}

// Ready returns a channel on which something comes when Next may have more. It
// is for one goroutine.
func (q *Queue) Ready() <-chan struct{} { return q.ready }

// Next returns up to n entries behind those that it returned before, none if
// there are none yet, or none that can be read. They stay in the queue until they
// are done. One whose data are nil stands for what is lost up to its number.
func (q *Queue) Next(n int) []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cursor = max(q.cursor, q.done)
	if from, end := q.cursor, q.onDisk(); q.disk != nil && from < end {
		q.mu.Unlock()
		entries, lost, err := q.disk.read(from, n)
		q.lose(lost)
		q.readable(err)
		q.mu.Lock()
		switch {
		case err != nil:
			return nil
		case len(entries) == 0: // what is missing was dropped before it was written, or is gone since
			entries = []Entry{{Number: end - 1}}
		}
		q.cursor = entries[len(entries)-1].Number + 1
		return entries
	}
	tail := q.tail
	for len(tail) > 0 && tail[0].Number < q.cursor {
		tail = tail[1:]
	}
	entries := append([]Entry(nil), tail[:min(n, len(tail))]...)
	if len(entries) > 0 {
		q.cursor = entries[len(entries)-1].Number + 1
	}
	return entries
}

// Done says that the entry of that number and all before it are done.
func (q *Queue) Done(number uint64) {
	q.mu.Lock()
	q.done = max(q.done, number+1)
	q.cut(q.done)
	q.mu.Unlock()
	signal(q.wake)
}

// cut takes the entries below a number out of the tail.
func (q *Queue) cut(below uint64) {
	n := 0
	for n < len(q.tail) && q.tail[n].Number < below {
		q.size -= len(q.tail[n].Data) + headSize
		n++
	}
	if n > 0 {
		q.tail = append([]Entry(nil), q.tail[n:]...) // lets go of their memory
		q.tell()
	}
}

// tell wakes whoever waits for the tail to get shorter.
func (q *Queue) tell() {
	close(q.shorter)
	q.shorter = make(chan struct{})
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
