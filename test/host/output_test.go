package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/receiver"
)

const (
	delivered = 1
	again     = 2
)

// output returns a command line that runs the output against the MISP at url
// and a target, with more options of the host's.
func output(url, target string, options ...string) []string {
	command := append([]string{hostProgram, "-p", "url=" + url, "-p", "api_key=" + misptest.UserKey,
		"-p", "Forward.Targets=" + target}, options...)
	return append(command, outputFile)
}

// What arrives is the chunk with the fields of its hits; without a hit it is the
// chunk.
func TestOutput(t *testing.T) {
	for _, options := range [][]string{nil, {"-p", "forward.compress=gzip", "-p", "forward.shared_key=k"}} {
		cfg := receiver.Config{}
		if options != nil {
			cfg.SharedKey = "k"
		}
		target := receiver.Start(t, cfg)
		hit := slices.Concat(alert("1", clean), alert("2", listed))
		chunks := [][]byte{hit, alert("3", clean), {}, []byte("\xc1 no msgpack")}
		got := run(t, chunks, output(misptest.New(misptest.Sample()).Start(t), target.Target(), options...)...)
		if got.code != 0 || len(got.answers) != len(chunks) {
			t.Fatalf("exit code %d, answers %v, log:\n%s", got.code, got.answers, got.log)
		}
		for i, a := range got.answers {
			if a.code != delivered {
				t.Errorf("chunk %d: code %d", i, a.code)
			}
		}
		arrived := target.Messages()
		if len(arrived) != 3 || !bytes.Equal(arrived[1].Chunk, chunks[1]) || !bytes.Equal(arrived[2].Chunk, chunks[3]) || arrived[0].Tag != "wazuh.alerts" {
			t.Fatalf("arrived: %+v", arrived)
		}
		before, added := split(t, arrived[0].Chunk)
		if !bytes.Equal(before, hit) || len(added) != 2 || len(added[0]) != 0 || fmt.Sprint(added[1]["misp_value"]) != listed {
			t.Errorf("added %v to\n%x, it was\n%x", added, before, hit)
		}
	}
}

// Whatever a target does, the chunk is to be sent again, until it has arrived;
// the log says why, once.
func TestOutputFaults(t *testing.T) {
	url := misptest.New(misptest.Sample()).Start(t)
	tests := map[string]struct {
		fault receiver.Fault
		want  string
	}{
		"never acknowledges":     {receiver.Silent, "i/o timeout"},
		"another chunk":          {receiver.WrongID, "it acknowledges the chunk"},
		"closes within a chunk":  {receiver.HangUp, "it closes the connection"},
		"closes after the chunk": {receiver.Late, "it closes the connection"},
		"answers 1 GB":           {receiver.Flood, "it answers with more than 4096 bytes"},
		"is not there":           {receiver.None, "connection refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := receiver.Start(t, receiver.Config{})
			target.Fault(tt.fault)
			if tt.fault == receiver.None {
				target.Stop()
			}
			h := start(t, output(url, target.Target(), "-p", "forward.ack_timeout=1s")...)
			chunk := alert("1", listed)
			for range 3 {
				if code := h.pass(chunk); code != again {
					t.Fatalf("code %d", code)
				}
			}
			target.Fault(receiver.None)
			if tt.fault == receiver.None {
				if err := target.Listen(); err != nil {
					t.Fatal(err)
				}
			}
			for begin := time.Now(); h.pass(chunk) != delivered; time.Sleep(50 * time.Millisecond) {
				if time.Since(begin) > 10*time.Second {
					t.Fatalf("not delivered:\n%s", h.end())
				}
			}
			arrived := target.Messages()
			last := arrived[len(arrived)-1]
			if _, added := split(t, last.Chunk); !last.Acked || fmt.Sprint(added[0]["misp_value"]) != listed {
				t.Errorf("arrived: %+v", last)
			}
			log := h.end()
			if strings.Count(log, "[error] [output:misp:misp.0] forward to ") != 1 || !strings.Contains(log, tt.want) ||
				strings.Count(log, "works again") != 1 {
				t.Errorf("want one error with %q, and its end, in the log:\n%s", tt.want, log)
			}
		})
	}
}

// With on_unknown retry an alert waits for MISP; otherwise it goes on.
func TestOutputUnknown(t *testing.T) {
	for _, word := range []string{"send", "retry"} {
		misp := misptest.New(misptest.Sample())
		misp.Fault(misptest.Status(500))
		target := receiver.Start(t, receiver.Config{})
		h := start(t, output(misp.Start(t), target.Target(), "-p", "on_unknown="+word, "-p", "cache_error_ttl=100ms")...)
		code := h.pass(alert("1", listed))
		if want := map[string]byte{"send": delivered, "retry": again}[word]; code != want {
			t.Errorf("%s: code %d, want %d", word, code, want)
		}
		if code == again {
			misp.Fault(nil)
			for begin := time.Now(); h.pass(alert("1", listed)) != delivered; time.Sleep(50 * time.Millisecond) {
				if time.Since(begin) > 10*time.Second {
					t.Fatalf("not delivered:\n%s", h.end())
				}
			}
		}
		arrived := target.Messages()
		if len(arrived) != 1 {
			t.Fatalf("%s: %d messages", word, len(arrived))
		}
		_, added := split(t, arrived[0].Chunk)
		if want := map[string]string{"send": "unknown", "retry": "hit"}[word]; fmt.Sprint(added[0]["misp_verdict"]) != want {
			t.Errorf("%s: arrived %v, want %s", word, added, want)
		}
		h.end()
	}
}

// Many threads, several sections, gzip, and reloads in between: each chunk
// arrives once, and nothing is left behind.
func TestOutputReloads(t *testing.T) {
	target := receiver.Start(t, receiver.Config{})
	const rounds, each = 12, 40
	var chunks [][]byte
	for i := range rounds {
		if i > 0 {
			chunks = append(chunks, reload)
		}
		for j := range each {
			chunks = append(chunks, slices.Concat(alert(fmt.Sprint(i, ".", j), listed), alert("clean", clean)))
		}
	}
	got := run(t, chunks, output(misptest.New(misptest.Sample()).Start(t), target.Target(), "-p", "forward.compress=gzip",
		"--threads", "4", "--instances", "2", "--report", "--call-after-exit", "--log-level", "4")...)
	if got.code != 0 || len(got.answers) != rounds*each {
		t.Fatalf("exit code %d, %d answers, log:\n%s", got.code, len(got.answers), got.log)
	}
	for i, a := range got.answers {
		if a.code != delivered {
			t.Errorf("chunk %d: code %d", i, a.code)
		}
	}
	ids := map[string]bool{}
	for _, m := range target.Messages() {
		before, added := split(t, m.Chunk)
		if fmt.Sprint(added[0]["misp_value"]) != listed {
			t.Errorf("arrived with %v", added)
		}
		ids[string(before)] = true
	}
	if n := len(target.Messages()); n != rounds*each || len(ids) != n {
		t.Errorf("%d messages, %d different, want %d", n, len(ids), rounds*each)
	}
	if n := strings.Count(got.log, "[host] a call after exit returns 2\n"); n != 2*rounds {
		t.Errorf("%d calls after exit passed, want %d", n, 2*rounds)
	}
	type report struct{ threads, files, bytes int }
	var reports []report
	for _, line := range lines(got.log) {
		var r report
		var round int
		if n, _ := fmt.Sscanf(line, "[host] round %d: %d threads, %d files, %d bytes", &round, &r.threads, &r.files, &r.bytes); n == 4 {
			reports = append(reports, r)
		}
	}
	early, late := reports[4], reports[rounds-1]
	if late.threads > early.threads+3 || late.files > early.files+4 || late.bytes > early.bytes+64<<10 {
		t.Errorf("the process grows: %+v, later %+v", early, late)
	}
}

// A live is a host that is given one chunk after the other.
type live struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
	log bytes.Buffer
}

// start runs a command line of the host's.
func start(t *testing.T, command ...string) *live {
	t.Helper()
	h := &live{t: t, cmd: exec.CommandContext(t.Context(), command[0], command[1:]...)}
	h.cmd.Stderr = &h.log
	h.in, _ = h.cmd.StdinPipe()
	h.out, _ = h.cmd.StdoutPipe()
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return h
}

// pass passes a chunk through the plugin and returns the code.
func (h *live) pass(chunk []byte) byte {
	h.t.Helper()
	_ = binary.Write(h.in, binary.LittleEndian, uint32(len(chunk)))
	_, _ = h.in.Write(chunk)
	var head [5]byte
	if _, err := io.ReadFull(h.out, head[:]); err != nil {
		h.t.Fatalf("no answer: %v\n%s", err, h.end())
	}
	return head[0]
}

// end ends the host and returns its log.
func (h *live) end() string {
	h.in.Close()
	if err := h.cmd.Wait(); err != nil {
		h.t.Errorf("the host ended: %v", err)
	}
	return h.log.String()
}
