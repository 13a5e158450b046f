package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// lines reads a file of alerts line by line.
type lines struct {
	name string // as messages have it
	r    *bufio.Reader
	file *os.File // nil for the standard input
	buf  []byte
}

// openLines opens a file, gzipped or not, as Wazuh keeps its archives; - is the
// standard input.
func openLines(name string, stdin io.Reader) (*lines, error) {
	l := &lines{name: "the standard input"}
	source := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		source, l.file, l.name = f, f, name
	}
	l.r = bufio.NewReaderSize(source, 1<<20)
	if l.begins("\x1f\x8b") {
		unzipped, err := gzip.NewReader(l.r)
		if err != nil {
			l.Close()
			return nil, l.named(err)
		}
		l.r = bufio.NewReaderSize(unzipped, 1<<20)
	}
	// Editors of Windows put a byte order mark before the first line.
	if mark := "\ufeff"; l.begins(mark) {
		_, _ = l.r.Discard(len(mark))
	}
	return l, nil
}

// begins reports whether what is to be read begins with some text.
func (l *lines) begins(text string) bool {
	begin, _ := l.r.Peek(len(text))
	return string(begin) == text
}

// Next returns the next line without its end. It is valid until the next call.
// The error is io.EOF after the last line.
func (l *lines) Next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(l.buf, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF && len(l.buf) > 0:
			return l.buf, nil
		case err == io.EOF:
			return nil, err
		}
		return nil, l.named(err)
	}
}

// named returns an error of reading with the name of the file, which those of the
// file system have already.
func (l *lines) named(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("read %s: %w", l.name, err)
}

// Ready reports whether a whole line can be had without waiting for more input.
func (l *lines) Ready() bool {
	next, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(next, '\n') >= 0
}

// Size returns the size of the file in bytes, -1 if it is not known.
func (l *lines) Size() int64 {
	if l.file == nil {
		return -1
	}
	info, err := l.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

// Offset returns how much of the file was read, about.
func (l *lines) Offset() int64 {
	if l.file == nil {
		return 0
	}
	at, _ := l.file.Seek(0, io.SeekCurrent)
	return at
}

// Close closes the file.
func (l *lines) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
