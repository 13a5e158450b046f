package gen

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A File is alerts.json as Wazuh's analysisd keeps it: a hard link to the file
// of the day, linked anew when a day begins. It is not for concurrent use.
type File struct {
	dir  string
	days int
	file *os.File
	buf  *bufio.Writer
}

// bufferSize is that of stdio, in bytes: what is more than this reaches the
// file although the line is not whole yet.
const bufferSize = 4096

// OpenFile begins the first day in a directory, which is made if need be.
func OpenFile(dir string) (*File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f := &File{dir: dir}
	return f, f.NextDay()
}

// Path returns the name of alerts.json.
func (f *File) Path() string { return filepath.Join(f.dir, "alerts.json") }

// dayPath returns the name under which the file of a day lives on.
func (f *File) dayPath(day int) string {
	return filepath.Join(f.dir, fmt.Sprintf("ossec-alerts-%02d.json", day))
}

// Write writes an alert and the end of its line, buffered.
func (f *File) Write(line []byte) error {
	f.buf.Write(line) // bufio keeps the error for the last call
	return f.buf.WriteByte('\n')
}

// Flush makes all that is written readable. Analysisd does that once a second.
func (f *File) Flush() error { return f.buf.Flush() }

// NextDay begins the file of a new day: for a moment there is no alerts.json.
func (f *File) NextDay() error {
	if err := f.Close(); err != nil {
		return err
	}
	f.days++
	file, err := os.OpenFile(f.dayPath(f.days), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	f.file, f.buf = file, bufio.NewWriterSize(file, bufferSize)
	if err := os.Remove(f.Path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Link(f.dayPath(f.days), f.Path())
}

// Compress takes the name from the file of the day before, as monitord does
// some seconds after midnight, when it has made a .gz of it.
func (f *File) Compress() error { return os.Remove(f.dayPath(f.days - 1)) }

// Close writes what is buffered and ends the file of the day.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	return errors.Join(f.buf.Flush(), f.file.Close())
}
