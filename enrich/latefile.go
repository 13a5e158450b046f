package enrich

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/file"
)

// A lateFile is the file to which late hits are appended, as JSON, one a line.
// It is opened for each, so that it can be rotated by renaming. It is for one
// goroutine.
type lateFile struct {
	path    string
	log     *slog.Logger
	failing bool
}

// openLateFile makes the file if there is none, with mode 0600.
func openLateFile(path string, log *slog.Logger) (*lateFile, error) {
	f := &lateFile{path: path, log: log}
	return f, f.write(nil)
}

// checkLateFile reports why a file cannot be appended to, as openLateFile does, if it
// is there, and does not open it.
func checkLateFile(path string) error {
	const write = 2
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return file.WithoutName(err)
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	return syscall.Access(path, write)
}

var errNotRegular = errors.New("it is not a regular file")

// lateFileMistake says what is wrong with the option.
func lateFileMistake(path string, err error) error {
	return fmt.Errorf("late_hits_file %q: %w; want a file that Fluent Bit can append to", path, err)
}

// append appends a record, and returns false if that fails, which is logged
// once.
func (f *lateFile) append(record []byte) bool {
	err := f.write(append(event.AppendAsJSON(nil, record), '\n'))
	switch {
	case err != nil && !f.failing:
		f.log.Error(fmt.Sprintf("late_hits_file %q: %v: late hits wait until that is mended", f.path, err))
	case err == nil && f.failing:
		f.log.Info(fmt.Sprintf("late_hits_file %q: late hits are written again", f.path))
	}
	f.failing = err != nil
	return err == nil
}

// write appends a line, as a whole or not at all.
func (f *lateFile) write(line []byte) (err error) {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return file.WithoutName(err)
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil {
		return file.WithoutName(err)
	}
	if !info.Mode().IsRegular() {
		return errNotRegular
	}
	if _, err := out.Write(line); err != nil {
		_ = out.Truncate(info.Size()) // or the next line would begin in this one
		return file.WithoutName(err)
	}
	return nil
}
