package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A result is what one run took.
type result struct {
	cpu, wall float64 // seconds; user and system together
	memory    float64 // MB at most, from the beginning of the process on
}

var errLogged = errors.New("Fluent Bit logged an error")

// patience is how long one pass over the alerts may take.
const patience = 10 * time.Minute

// A process is a Fluent Bit that is set up as a variant says and has read the
// alerts once.
type process struct {
	variant
	watch
	alerts  string // that it reads
	dir     string // with its configuration, and where the alerts are put
	command *exec.Cmd
	log     bytes.Buffer
	passes  int
}

// start starts a process.
func (s setup) start(binary string, v variant) (p *process, err error) {
	p = &process{variant: v, alerts: filepath.Join(s.dir, v.file)}
	if p.dir, err = os.MkdirTemp(s.dir, "process"); err != nil {
		return nil, err
	}
	config, err := s.config(v, p.dir)
	if err != nil {
		return nil, err
	}
	p.command = exec.Command(binary, "-c", config)
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive this program
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.watch = watch{proc: "/proc/" + strconv.Itoa(p.command.Process.Pid)}
	if _, err = p.read(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// read has the process read the alerts once more, and returns when that began.
// What it has read before is removed only now: Fluent Bit looks at it once more.
func (p *process) read() (begin time.Time, err error) {
	name := func() string { return filepath.Join(p.dir, fmt.Sprintf("alerts-%d.json", p.passes)) }
	if p.passes > 0 {
		if err := os.Remove(name()); err != nil {
			return begin, err
		}
	}
	p.passes++
	return p.pass(p.alerts, name())
}

// stop ends the process. It is an error if the process has logged one.
func (p *process) stop() error {
	err := errors.Join(p.command.Process.Signal(syscall.SIGTERM), p.command.Wait())
	if err != nil || strings.Contains(p.log.String(), "[error]") {
		err = fmt.Errorf("%w\n%s", cmp.Or(err, errLogged), &p.log)
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// measure has a process read the alerts once more, and measures that.
func (s setup) measure(p *process) (r result, err error) {
	time.Sleep(settled)
	if p.output != "" {
		s.sink.drained()
	}
	before, err := p.cpu()
	if err != nil {
		return r, err
	}
	begin, err := p.read()
	if err != nil {
		return r, err
	}
	end := time.Now()
	if p.output != "" {
		end = s.sink.drained()
	}
	r.wall = end.Sub(begin).Seconds()
	time.Sleep(settled)
	after, err := p.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	r.memory, err = p.peak()
	return r, err
}

// A watch reads what the kernel says of a process.
type watch struct{ proc string }

// settled is how long the last alerts take at most from the file to the output,
// and is the same for every variant.
const settled = 1500 * time.Millisecond

// pass puts a copy of the alerts where they are read, waits until all are read,
// and returns when that began.
func (w watch) pass(from, to string) (begin time.Time, err error) {
	size, err := place(from, to)
	if err != nil {
		return begin, err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		switch at := w.offset(to); {
		case at >= size:
			return begin, nil
		case at > 0 && begin.IsZero():
			begin = time.Now()
		}
	}
	return begin, fmt.Errorf("%s was not read within %v", to, patience)
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

// offset returns how far the process has read a file, 0 if it has not.
func (w watch) offset(file string) int64 {
	fds, _ := os.ReadDir(w.proc + "/fd") // none if the process has ended
	for _, fd := range fds {
		if name, _ := os.Readlink(w.proc + "/fd/" + fd.Name()); name != file {
			continue
		}
		info, _ := os.ReadFile(w.proc + "/fdinfo/" + fd.Name())
		if fields := strings.Fields(string(info)); len(fields) > 1 {
			at, _ := strconv.ParseInt(fields[1], 10, 64)
			return at
		}
	}
	return 0
}

// cpu returns the seconds of CPU that the process has used, in all threads.
func (w watch) cpu() (float64, error) {
	b, err := os.ReadFile(w.proc + "/stat")
	if err != nil {
		return 0, err
	}
	// The name of the program, which may have spaces, is in brackets.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	const ticks = 100 // a second, on every Linux that Go runs on
	return float64(user+system) / ticks, errors.Join(err1, err2)
}

// peak returns the largest resident size so far, in MB.
func (w watch) peak() (float64, error) {
	b, err := os.ReadFile(w.proc + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	return float64(kb) / 1024, err
}
