package pending

import (
	"errors"
	"os"
	"slices"
)

// ErrOther is the error of [Open] for a directory that holds entries of another
// label.
var ErrOther = errors.New("it holds what is for something else")

const labelName = "label"

// mark labels the entries to come, if they are to have a label. It is an error if
// there are some with another label. Those without one, or of one that cannot be
// read, may be for anything.
func (d *disk) mark() error {
	if d.label == "" {
		return nil
	}
	b, err := readFile(d.root, labelName, 0, 1<<10)
	if err == nil && string(b) == d.label {
		return nil
	}
	if len(b) > 0 && d.next() > d.done {
		return ErrOther
	}
	// Without its label a queue is only found later.
	_ = d.root.WriteFile(labelName, []byte(d.label), 0o600)
	return nil
}

// Holds reports whether entries may wait in the directory of a queue, also of
// one that is open.
func Holds(dir string) bool {
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		_, ok := segmentNumber(e.Name())
		return ok
	})
}
