package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fluent-bit-misp/test/fluentbit"
)

// A process is a Fluent Bit that is set up as a variant says.
type process struct {
	variant
	*fluentbit.Process
	dir   string // with its configuration, where it reads alerts
	files int    // that it was given
}

var errLogged = errors.New("Fluent Bit logged an error")

// patience is how long it may take to read one file of alerts.
const patience = 10 * time.Minute

// settled is how long the last alerts take at most from the file to an output
// that drops them, and is the same for every variant.
const settled = 300 * time.Millisecond

// start starts a process.
func (s setup) start(v variant) (p *process, err error) {
	p = &process{variant: v}
	if p.dir, err = os.MkdirTemp(s.dir, "process"); err != nil {
		return nil, err
	}
	config, err := s.config(v, p.dir)
	if err != nil {
		return nil, err
	}
	if p.Process, err = fluentbit.Start(s.binary, "-c", config); err != nil {
		return nil, err
	}
	return p, nil
}

// warmUp has the process read all alerts once.
func (s setup) warmUp(p *process) error {
	for piece := range s.pieces {
		if _, err := p.read(s.file(p.file, piece)); err != nil {
			return err
		}
	}
	time.Sleep(settled)
	return p.complaint()
}

// complaint is an error if the process has logged one.
func (p *process) complaint() error {
	if log := p.Log(); strings.Contains(log, "[error]") {
		return fmt.Errorf("%w\n%s", errLogged, log)
	}
	return nil
}

// end ends the process. It is an error if the process has logged one.
func (p *process) end() error {
	return errors.Join(p.Stop(), p.complaint(), os.RemoveAll(p.dir))
}

// kept is how many files are left to a process when it gets one more: Fluent Bit
// looks at one for a while after it has read it.
const kept = 2

// read puts a copy of a file where the process reads it, waits until it has, and
// returns when that began.
func (p *process) read(file string) (begin time.Time, err error) {
	name := func(number int) string { return filepath.Join(p.dir, fmt.Sprintf("alerts-%d.json", number)) }
	if old := p.files - kept; old >= 0 {
		if err := os.Remove(name(old)); err != nil {
			return begin, err
		}
	}
	last := name(p.files)
	p.files++
	size, err := place(file, last)
	if err != nil {
		return begin, err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		at := p.offset(last)
		if at > 0 && begin.IsZero() {
			begin = time.Now()
		}
		if at >= size {
			return begin, nil
		}
		select {
		case <-p.Ended():
			return begin, errors.Join(errors.New("Fluent Bit has ended"), p.complaint())
		default:
		}
	}
	return begin, fmt.Errorf("%s was not read within %v", last, patience)
}

// place copies a file, which appears whole, and returns its size.
func place(from, to string) (size int64, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	out, err := os.Create(to + ".part")
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return 0, err
	}
	return size, os.Rename(to+".part", to)
}
