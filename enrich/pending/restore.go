package pending

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"fluent-bit-misp/misp/file"
)

// restore makes anew what somebody has taken away while it is in use: the
// directory, the lock, the label, the segment that is written to. It returns how
// many entries are lost with that.
func (d *disk) restore() (lost uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.moved() {
		if lost, err = d.renew(); err != nil {
			return lost, err
		}
	}
	if d.file != nil && unlinked(d.file) {
		s := d.last()
		lost += s.waiting(d.done)
		d.total.Add(-s.size)
		d.segments = d.segments[:len(d.segments)-1]
		d.close()
	}
	if d.lock == nil || unlinked(d.lock) {
		again, err := lock(d.root)
		if err != nil {
			return lost, file.WithoutName(err)
		}
		if d.lock != nil {
			d.lock.Close()
		}
		d.lock = again
		return lost, d.mark()
	}
	return lost, nil
}

// moved reports whether there is no directory where it was, or another one.
func (d *disk) moved() bool {
	there, err := os.Lstat(d.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	here, err := d.root.Stat(".")
	return err == nil && !os.SameFile(here, there)
}

var errReplaced = errors.New("another queue was put in its place")

// renew begins in a new directory, and returns how many entries were in the old one.
func (d *disk) renew() (lost uint64, err error) {
	if err := MakeDir(d.path); err != nil {
		return 0, err
	}
	if Holds(d.path) {
		return 0, errReplaced
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return 0, file.WithoutName(err)
	}
	for i := range d.segments {
		lost += d.segments[i].waiting(d.done)
	}
	d.release()
	d.root, d.lock, d.segments = root, nil, nil
	d.total.Store(0)
	d.noted = 0
	return lost, nil
}

// unlinked reports whether a file has no name any more.
func unlinked(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}
