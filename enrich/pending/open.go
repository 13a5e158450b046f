package pending

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"fluent-bit-misp/misp/file"
)

// The names in the directory of a queue. A segment is named by the number of
// its first entry.
const (
	doneName   = "done"
	segmentExt = ".segment"
	newExt     = ".new"     // a segment that is being mended
	damagedExt = ".damaged" // what was set aside
)

func segmentName(first uint64) string { return fmt.Sprintf("%016x%s", first, segmentExt) }

func segmentNumber(name string) (first uint64, ok bool) {
	hex, ok := strings.CutSuffix(name, segmentExt)
	first, err := strconv.ParseUint(hex, 16, 64)
	return first, ok && err == nil && segmentName(first) == name
}

const (
	smallestSegment = 64 << 10
	largestSegment  = 4 << 20

	// largestFile is more than a segment can come to be.
	largestFile = largestSegment + 2<<20

	maxDamaged = 4 // files that are set aside and kept
)

var errDamaged = errors.New("it is damaged")

// openDisk opens the directory of a queue, and makes whole what is damaged in
// it. It returns the names of the files that were.
func openDisk(cfg Config) (d *disk, damaged []string, err error) {
	if err := MakeDir(cfg.Dir); err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, nil, file.WithoutName(err)
	}
	d = &disk{path: cfg.Dir, label: cfg.Label, limit: cfg.Size, each: min(max(cfg.Size/16, smallestSegment), largestSegment), root: root}
	if damaged, err = d.open(); err == nil {
		err = d.mark()
	}
	if err != nil {
		d.release()
		return nil, damaged, err
	}
	return d, damaged, nil
}

func (d *disk) open() (damaged []string, err error) {
	if err := d.root.Chmod(".", 0o700); err != nil {
		return nil, file.WithoutName(err)
	}
	names, err := d.list()
	if err != nil {
		return nil, err
	}
	if d.lock, err = lock(d.root); err != nil {
		return nil, file.WithoutName(err)
	}
	for _, name := range names {
		first, ok := segmentNumber(name)
		if !ok {
			continue
		}
		s, err := d.openSegment(first)
		if errors.Is(err, errDamaged) {
			damaged = append(damaged, name)
		} else if err != nil {
			return damaged, fmt.Errorf("%s: %w", name, file.WithoutName(err))
		}
		if s.size > 0 {
			d.segments = append(d.segments, s)
			d.total.Add(s.size)
		}
	}
	if len(d.segments) > 0 && d.last().size < d.each {
		d.file, err = d.root.OpenFile(segmentName(d.last().first), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return damaged, file.WithoutName(err)
		}
	}
	d.done, err = readDone(d.root)
	d.noted = d.done
	if errors.Is(err, errDamaged) {
		damaged = append(damaged, doneName)
		err = d.root.Rename(doneName, doneName+damagedExt)
	}
	return damaged, file.WithoutName(err)
}

// list returns the names in the directory. It is an error if another user could
// have put one of them there.
func (d *disk) list() (names []string, err error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return nil, file.WithoutName(err)
	}
	defer dir.Close()
	names, err = dir.Readdirnames(-1)
	if err != nil {
		return nil, file.WithoutName(err)
	}
	slices.Sort(names)
	for _, name := range names {
		info, err := d.root.Lstat(name)
		if err == nil {
			err = own(info)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, file.WithoutName(err))
		}
	}
	d.tidy(names)
	return names, nil
}

// tidy removes what a mending that was cut off has left, and all but the
// newest of what was set aside.
func (d *disk) tidy(names []string) {
	var damaged []string
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, newExt):
			d.root.Remove(name)
		case strings.HasSuffix(name, damagedExt):
			damaged = append(damaged, name)
		}
	}
	for len(damaged) > maxDamaged {
		d.root.Remove(damaged[0])
		damaged = damaged[1:]
	}
}

// openSegment reads a segment through. One that is empty, as a full disk leaves
// it, is removed. If it is damaged, what is whole in it goes to a new file in
// its place, and it is set aside; the error is errDamaged then.
func (d *disk) openSegment(first uint64) (segment, error) {
	name := segmentName(first)
	b, err := readFile(d.root, name, 0, largestFile+1)
	if err != nil {
		return segment{}, err
	}
	if len(b) == 0 {
		return segment{}, d.root.Remove(name)
	}
	entries, damaged := records(b)
	s := segment{first: first, last: first, size: int64(len(b)), unread: len(entries)}
	var whole []byte
	for _, e := range entries {
		s.last = max(s.last, e.Number)
		whole = appendRecord(whole, e)
	}
	if len(whole) == 0 {
		s.size = 0
	}
	if damaged > 0 || len(b) > largestFile {
		if d.mend(name, whole) == nil {
			s.size = int64(len(whole))
		}
		return s, errDamaged
	}
	return s, nil
}

// mend replaces a file, which is kept by another name, by what is whole in it,
// if there is anything. If there is no room for that, the file stays as it is:
// what is damaged in it is stepped over.
func (d *disk) mend(name string, whole []byte) error {
	if len(whole) == 0 {
		return d.root.Rename(name, name+damagedExt)
	}
	if err := d.root.WriteFile(name+newExt, whole, 0o600); err != nil {
		return err
	}
	d.root.Remove(name + damagedExt)
	if err := d.root.Link(name, name+damagedExt); err != nil {
		return err
	}
	return d.root.Rename(name+newExt, name)
}

func (d *disk) release() {
	if d.file != nil {
		d.file.Sync()
		d.close()
	}
	if d.lock != nil {
		d.lock.Close()
	}
	d.root.Close()
}
