package chaos

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// notTouched is the code of an answer that is the chunk itself.
const notTouched = 2

// A host is a run of the host program.
type host struct {
	t      *testing.T
	ledger *ledger
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	log    *output
	read   chan struct{} // closed when its answers are read

	mu   sync.Mutex
	sent [][]byte // chunks not answered
	gone bool     // it was killed
}

// output keeps what is written to it. It may be used concurrently.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start starts the host, with options of the plugin's ("name=value") besides
// those for a MISP at url and a storage, and of its own ("--name"). With
// "resolv.conf=FILE" it has that file in the place of the machine's.
func start(t *testing.T, l *ledger, url, storage string, options ...string) *host {
	t.Helper()
	command := []string{hostProgram, "--report", "--log-level", "4", "--limit", fmt.Sprint((maxWait + margin).Milliseconds())}
	// The first of two properties of a name counts.
	for _, o := range append(options, "url="+url, "api_key="+misptest.UserKey, "storage_path="+storage,
		"max_wait="+maxWait.String(), "timeout=1s", "cache_error_ttl=1s", "cache_ttl=2s", "cache_negative_ttl=2s") {
		if conf, ok := strings.CutPrefix(o, "resolv.conf="); ok {
			command = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf}, command...)
		} else if strings.HasPrefix(o, "-") {
			command = append(command, strings.Fields(o)...)
		} else {
			command = append(command, "-p", o)
		}
	}
	h := &host{t: t, ledger: l, log: &output{}, read: make(chan struct{})}
	command = append(command, filterFile)
	h.cmd = exec.Command(command[0], command[1:]...)
	h.cmd.Env = append(os.Environ(), "GODEBUG=gctrace=1,schedtrace=2000,scheddetail=1,netdns=go")
	h.cmd.Stderr = h.log
	var err error
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	answers, err := h.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.cmd.Process.Kill() })
	go h.readAnswers(answers)
	return h
}

// send hands the host a chunk; without alerts it is a hot reload.
func (h *host) send(chunk []byte) {
	size := uint32(len(chunk))
	if size == 0 {
		size = 0xffffffff
	} else {
		h.mu.Lock()
		h.sent = append(h.sent, chunk)
		h.mu.Unlock()
	}
	b := binary.LittleEndian.AppendUint32(nil, size)
	if _, err := h.stdin.Write(append(b, chunk...)); err != nil && !h.killed() {
		h.t.Fatalf("the host has ended: %v\n%s", err, h.quiet())
	}
}

func (h *host) reload() { h.send(nil) }

func (h *host) readAnswers(r io.Reader) {
	defer close(h.read)
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return // its end; who misses an answer will tell
		}
		chunk := make([]byte, binary.LittleEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(r, chunk); err != nil {
			return
		}
		h.mu.Lock()
		sent := h.sent[0]
		h.sent = h.sent[1:]
		h.mu.Unlock()
		if head[0] == notTouched {
			chunk = sent
		}
		h.ledger.came(sent, chunk)
	}
}

func (h *host) killed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.gone
}

// kill ends the host as kill -9 does, and returns when it is gone.
func (h *host) kill() {
	h.mu.Lock()
	h.gone = true
	h.mu.Unlock()
	_ = h.cmd.Process.Kill()
	h.stdin.Close()
	<-h.read
	_ = h.cmd.Wait()
	h.checkCalls()
}

// stop ends the host in an orderly way and returns what it reported of each
// round.
func (h *host) stop() []report {
	h.t.Helper()
	h.stdin.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = h.cmd.Process.Kill() })
	<-h.read
	err := h.cmd.Wait()
	if !late.Stop() || err != nil {
		h.t.Errorf("the host ends with %v:\n%s", err, h.quiet())
	}
	h.checkCalls()
	return h.reports()
}

// checkCalls checks that no call took longer than allowed.
func (h *host) checkCalls() {
	h.t.Helper()
	if calls := regexp.MustCompile(`\[host\] a call took .*`).FindAllString(h.log.String(), -1); calls != nil {
		h.t.Errorf("max_wait is %v, yet %s", maxWait, strings.Join(calls, ", "))
	}
	if log := h.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "a bug") {
		h.t.Errorf("the log has a bug:\n%s", h.quiet())
	}
}

// A report is what the host prints after a round.
type report struct {
	goroutines, threads, files, bytes int
	longest                           float64 // call, in milliseconds
}

func (h *host) reports() (reports []report) {
	var r report
	closed := regexp.MustCompile(`closed goroutines=(\d+)`)
	for line := range strings.Lines(h.log.String()) {
		if m := closed.FindStringSubmatch(line); m != nil {
			_, _ = fmt.Sscan(m[1], &r.goroutines)
		}
		var round int
		// What Go traces comes in pieces, and the host's lines between them.
		_, line, _ := strings.Cut(line, "[host] ")
		if n, _ := fmt.Sscanf(line, "round %d: %d threads, %d files, %d bytes, longest call %f ms", &round, &r.threads, &r.files, &r.bytes, &r.longest); n == 5 {
			reports = append(reports, r)
		}
	}
	return reports
}

// peak returns how much memory the host had at most, in bytes.
func (h *host) peak() int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kb int
	_, _ = fmt.Sscan(text, &kb)
	return kb << 10
}

// quiet returns the log without what Go's runtime says.
func (h *host) quiet() string {
	return strings.Join(slices.DeleteFunc(strings.Split(h.log.String(), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "gc ") || strings.HasPrefix(line, "SCHED ") || strings.HasPrefix(line, "  ")
	}), "\n")
}

func (h *host) of() (*testing.T, *ledger) { return h.t, h.ledger }

// behind reports whether many chunks are not answered.
func (h *host) behind() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sent) >= 10
}
