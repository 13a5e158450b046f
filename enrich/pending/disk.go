package pending

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"fluent-bit-misp/misp/file"
)

// A disk is the part of a queue that is in its directory: segments, which are
// files of records that are only appended to, and a file that says up to where
// everything is done. It may be used concurrently; whoever does waits for the
// disk.
type disk struct {
	path  string
	label string
	limit int64 // bytes in all segments
	each  int64 // bytes after which a new segment is begun

	mu       sync.Mutex
	root     *os.Root
	lock     *os.File
	segments []segment    // oldest first; the last is written to
	file     *os.File     // the last segment, nil if a new one is to be begun
	total    atomic.Int64 // bytes in all segments; read without the lock
	done     uint64       // everything below is
	noted    uint64       // the same, as the file has it

	reading uint64  // the first number of the segment that is read
	offset  int64   // in it
	ahead   []Entry // read, and not handed out
}

// A segment is told by the number of its first entry, which is its name.
type segment struct {
	first, last uint64
	size        int64
	unread      int // entries
}

// waiting is how many entries that are not read yet are not done.
func (s *segment) waiting(done uint64) uint64 {
	if s.last < done {
		return 0
	}
	return min(uint64(s.unread), s.last+1-max(s.first, done))
}

// append writes entries and returns how many, and how many older ones that were
// not done had to make room for them. Nothing below oldest is left.
func (d *disk) append(entries []Entry) (written int, oldest, dropped uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() {
		if len(d.segments) > 0 {
			oldest = d.segments[0].first
		}
	}()
	for written < len(entries) {
		if d.file == nil || d.last().size >= d.each {
			if err := d.begin(entries[written].Number); err != nil {
				return written, 0, dropped, err
			}
		}
		room := d.each - d.last().size
		var buf []byte
		end := written
		for end < len(entries) && int64(len(buf)) < room {
			buf = appendRecord(buf, entries[end])
			end++
		}
		for d.total.Load()+int64(len(buf)) > d.limit && len(d.segments) > 1 {
			dropped += d.drop()
		}
		s := d.last()
		if _, err := d.file.Write(buf); err != nil {
			if d.file.Truncate(s.size) != nil {
				d.close()
			}
			return written, 0, dropped, file.WithoutName(err)
		}
		s.size += int64(len(buf))
		s.last = entries[end-1].Number
		s.unread += end - written
		d.total.Add(int64(len(buf)))
		written = end
	}
	return written, 0, dropped, nil
}

func (d *disk) last() *segment { return &d.segments[len(d.segments)-1] }

// next returns the first number that is not in use.
func (d *disk) next() uint64 {
	next := d.done
	for _, s := range d.segments {
		next = max(next, s.last+1)
	}
	return next
}

// begin begins a segment.
func (d *disk) begin(first uint64) error {
	if d.file != nil {
		d.file.Sync() // kill -9 takes nothing that was written, a power cut may
		d.close()
	}
	f, err := d.root.OpenFile(segmentName(first), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return file.WithoutName(err)
	}
	d.file = f
	if len(d.segments) == 0 || d.last().first != first {
		d.segments = append(d.segments, segment{first: first, last: first})
	}
	return nil
}

// close ends the writing to the last segment.
func (d *disk) close() {
	d.file.Close()
	d.file = nil
}

// drop removes the oldest segment, and returns how many entries in it were not
// done.
func (d *disk) drop() uint64 {
	s := d.segments[0]
	d.root.Remove(segmentName(s.first))
	d.segments = d.segments[1:]
	d.total.Add(-s.size)
	if s.size == 0 || d.done > s.last {
		return 0
	}
	// Numbers that were done before they were written count as well: few.
	return s.last + 1 - max(s.first, d.done)
}

// finish notes that everything below done is, and removes the segments that
// are not needed any more.
func (d *disk) finish(done uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = max(d.done, done)
	if d.noted == d.done {
		return nil
	}
	for len(d.segments) > 0 && d.segments[0].last < d.done {
		if len(d.segments) == 1 && d.file != nil {
			d.close()
		}
		d.drop()
	}
	f, err := d.root.OpenFile(doneName, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return file.WithoutName(err)
	}
	defer f.Close()
	b := binary.BigEndian.AppendUint64(nil, d.done)
	if _, err = f.WriteAt(binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), 0); err != nil {
		return file.WithoutName(err)
	}
	d.noted = d.done
	return nil
}

// read returns up to n entries from that number on, in their order, and how many
// in front of them are lost. The error says why what is there cannot be read now.
func (d *disk) read(from uint64, n int) (entries []Entry, lost uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		for len(d.ahead) > 0 && d.ahead[0].Number < from {
			d.ahead = d.ahead[1:]
		}
		if len(d.ahead) > 0 {
			n = min(n, len(d.ahead))
			entries = d.ahead[:n:n]
			d.ahead = d.ahead[n:]
			return entries, lost, nil
		}
		more, gone, err := d.load()
		lost += gone
		if !more || err != nil {
			return nil, lost, err
		}
	}
}

// load reads ahead the rest of the segment that is read, or if there is none
// the next one, and reports whether there was one. For what is lost at its end an
// entry without data stands.
func (d *disk) load() (more bool, lost uint64, err error) {
	for i := range d.segments {
		s := &d.segments[i]
		if s.first < d.reading {
			continue
		}
		if s.first > d.reading {
			d.reading, d.offset = s.first, 0
		}
		if d.offset >= s.size {
			continue
		}
		b, err := readFile(d.root, segmentName(s.first), d.offset, s.size-d.offset)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, 0, fmt.Errorf("%s: %w", segmentName(s.first), file.WithoutName(err))
		}
		d.offset = s.size
		d.ahead, _ = records(b)
		s.unread -= len(d.ahead)
		lost = s.waiting(d.done)
		s.unread = 0
		if n := len(d.ahead); n == 0 || d.ahead[n-1].Number < s.last {
			d.ahead = append(d.ahead, Entry{Number: s.last})
		}
		return true, lost, nil
	}
	return false, 0, nil
}

// readFile reads up to size bytes of a file.
func readFile(root *os.Root, name string, offset, size int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, max(info.Size()-offset, 0)))
	n, err := f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// readDone returns what finish noted last, 0 if it never did.
func readDone(root *os.Root) (done uint64, err error) {
	b, err := readFile(root, doneName, 0, 13)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(b) != 12 || crc32.Checksum(b[:8], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return 0, errDamaged
	}
	return binary.BigEndian.Uint64(b), nil
}
