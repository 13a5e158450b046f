package fluentbit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrNone says that there is no Fluent Bit.
var ErrNone = errors.New("there is no fluent-bit on the PATH or at /opt/fluent-bit/bin; set FLUENT_BIT to its path")

// Find returns the Fluent Bit of this machine: the one that FLUENT_BIT names,
// the one on the PATH, or that of Fluent Bit's own packages. The error is
// ErrNone if there is none of these.
func Find() (string, error) {
	if path := os.Getenv("FLUENT_BIT"); path != "" {
		path, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("FLUENT_BIT: %w", err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("fluent-bit"); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath("/opt/fluent-bit/bin/fluent-bit"); err == nil {
		return path, nil
	}
	return "", ErrNone
}

// Version returns the version of a Fluent Bit, such as 5.1.1, and its first
// number.
func Version(path string) (string, int, error) {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return "", 0, fmt.Errorf("%s --version: %w", path, err)
	}
	_, rest, _ := strings.Cut(string(out), "v")
	version, _, _ := strings.Cut(rest, "\n")
	first, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(first)
	return version, n, err
}

// A Process is a Fluent Bit that runs. Its methods may be called from
// different goroutines.
type Process struct {
	cmd   *exec.Cmd
	log   log
	ended chan struct{}
	err   error // how it ended; set when ended is closed
}

// Start runs a Fluent Bit. The caller stops it; it does not outlive the caller.
func Start(path string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.Dir = os.TempDir() // nothing may depend on where it runs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended returns a channel that is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Pid returns its number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Log returns what it has written to standard output and standard error.
func (p *Process) Log() string { return p.log.String() }

// Reload has it read its configuration anew, and returns when it has begun to
// work with that.
func (p *Process) Reload() error {
	const done = "[reload] start everything"
	before := strings.Count(p.Log(), done)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	for range 200 {
		if strings.Count(p.Log(), done) > before {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("Fluent Bit ended instead of reloading: %w", p.err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return errors.New("Fluent Bit has not reloaded within 20s")
}

// Stop ends it in an orderly way and returns how it ended; when that takes
// more than 20 seconds it is killed.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Wait(20 * time.Second)
}

// Kill ends it at once, as a crash would, and returns when it has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended just now
	<-p.ended
}

// Wait returns how it ended; if it has not ended by then it is killed.
func (p *Process) Wait(atMost time.Duration) error {
	select {
	case <-p.ended:
		return p.err
	case <-time.After(atMost):
		p.Kill()
		return fmt.Errorf("Fluent Bit has not ended within %v", atMost)
	}
}

// log keeps what a process writes.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
