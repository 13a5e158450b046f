package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fluent-bit-misp/test/fluentbit"
)

// openFluentBit starts a Fluent Bit that tails a file and writes another.
func openFluentBit(site fluentbit.Site, path string) (*pipeline, error) {
	version, _, err := fluentbit.Version(path)
	if err != nil {
		return nil, err
	}
	// Without a file at its start, Fluent Bit would look again only after its
	// refresh interval.
	file, err := os.Create(filepath.Join(site.AlertsDir(), "alerts.json"))
	if err != nil {
		return nil, err
	}
	process, err := fluentbit.Start(path, "-c", site.Config())
	if err != nil {
		return nil, err
	}
	p := &pipeline{
		fluentBit: version + ", " + path,
		records:   make(chan []byte),
	}
	p.write = func(line []byte) error {
		_, err := file.Write(line)
		return err
	}
	p.stop = func() error {
		if err := errors.Join(process.Stop(), file.Close()); err != nil {
			return fmt.Errorf("%w; its log:\n%s", err, process.Log())
		}
		return nil
	}
	go follow(site.Output(), p.records, process.Ended())
	return p, nil
}

// follow sends the lines of a file that grows until who writes it has ended,
// and closes lines then.
func follow(path string, lines chan<- []byte, ended <-chan struct{}) {
	defer close(lines)
	var file *os.File
	var reader *bufio.Reader
	var line []byte
	for {
		if file == nil {
			if f, err := os.Open(path); err == nil {
				defer f.Close()
				file, reader = f, bufio.NewReader(f)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return
			}
		}
		if file != nil {
			part, err := reader.ReadBytes('\n')
			line = append(line, part...)
			if err == nil {
				select {
				case lines <- bytes.Clone(line):
				case <-ended:
					return
				}
				line = line[:0]
				continue
			}
			if err != io.EOF {
				return
			}
		}
		select {
		case <-ended:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}
