package host

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"
)

// The addresses are those of misptest.Sample.
const (
	listed = "203.0.113.66"
	clean  = "203.0.113.99"
)

// filter returns a command line that runs the filter against the MISP at url,
// with more options of the host's.
func filter(url string, options ...string) []string {
	command := append([]string{hostProgram, "-p", "url=" + url, "-p", "API_Key=" + misptest.UserKey}, options...)
	return append(command, filterFile)
}

func TestListedAddress(t *testing.T) {
	server := misptest.New(misptest.Sample())
	chunk := slices.Concat(alert("1", clean), alert("2", listed), event("message", "no address"))
	got := run(t, [][]byte{chunk}, filter(server.Start(t))...)
	if got.code != 0 || len(got.answers) != 1 || got.answers[0].code != modified {
		t.Fatalf("exit code %d, answers %v, log:\n%s", got.code, got.answers, got.log)
	}
	before, added := split(t, got.answers[0].chunk)
	if !bytes.Equal(before, chunk) {
		t.Errorf("without what was added the chunk is\n%x, it was\n%x", before, chunk)
	}
	if len(added) != 3 || len(added[0]) != 0 || len(added[2]) != 0 {
		t.Fatalf("added %v", added)
	}
	for name, want := range map[string]string{
		"misp_verdict": "hit", "misp_value": listed, "misp_type": "ip-dst", "misp_field": "data.srcip",
		"misp_comment": "command and control", "misp_to_ids": "true", "misp_tlp": "amber",
	} {
		if got := fmt.Sprint(added[1][name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if n := server.Counts().Searches; n != 1 {
		t.Errorf("%d searches for one chunk", n)
	}
}

func TestNotTouched(t *testing.T) {
	hit := alert("1", listed)
	tests := map[string][]byte{
		"nothing":                {},
		"nothing to look up":     event("message", "no address"),
		"clean":                  alert("1", clean),
		"private":                alert("1", "10.1.2.3"),
		"not msgpack":            []byte("\xc1\xc1\xc1 no msgpack"),
		"a cut-off event":        hit[:len(hit)-1],
		"a cut-off head":         hit[:5],
		"a record that is a map": []byte("\x81\xa1a\x01"),
		"a record that is none":  []byte("\x92\x92\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\xc3"),
		"deep nesting":           event("data", deep(1000)),
		"a size that lies":       []byte("\x92\x92\xce\x69\x22\x33\x44\x80\xdf\xff\xff\xff\xff"),
		"64 kB in one value":     event("full_log", strings.Repeat("x", 64<<10)),
	}
	names := slices.Sorted(maps.Keys(tests))
	var chunks [][]byte
	for _, name := range names {
		chunks = append(chunks, tests[name])
	}
	got := run(t, chunks, filter(misptest.New(misptest.Sample()).Start(t))...)
	if got.code != 0 || len(got.answers) != len(chunks) {
		t.Fatalf("exit code %d, %d answers, log:\n%s", got.code, len(got.answers), got.log)
	}
	for i, name := range names {
		if got.answers[i].code != notTouched {
			t.Errorf("%s: code %d", name, got.answers[i].code)
		}
	}
}

// deep returns nil in n arrays.
func deep(n int) any {
	var v any
	for range n {
		v = []any{v}
	}
	return v
}

// Many threads and several sections answer as one thread does.
func TestThreads(t *testing.T) {
	url := misptest.New(misptest.Sample()).Start(t)
	var chunks [][]byte
	for i := range 400 {
		chunk := []byte{}
		for j := range i % 7 {
			id := fmt.Sprint(i, ".", j)
			switch (i + j) % 5 {
			case 0:
				chunk = append(chunk, alert(id, listed)...)
			case 1:
				chunk = append(chunk, alert(id, "198.51.100.77")...)
			default:
				chunk = append(chunk, alert(id, fmt.Sprintf("203.0.113.%d", 100+i%50))...)
			}
		}
		chunks = append(chunks, chunk)
	}
	one := run(t, chunks, filter(url)...)
	many := run(t, chunks, filter(url, "--threads", "8", "--instances", "3")...)
	for _, r := range []result{one, many} {
		if r.code != 0 || len(r.answers) != len(chunks) {
			t.Fatalf("exit code %d, %d answers, log:\n%s", r.code, len(r.answers), r.log)
		}
	}
	touched := 0
	for i := range chunks {
		a, b := one.answers[i], many.answers[i]
		if a.code != b.code || !bytes.Equal(a.chunk, b.chunk) {
			t.Errorf("chunk %d: one thread answers %d %.300q, many answer %d %.300q", i, a.code, a.chunk, b.code, b.chunk)
		}
		if a.code == modified {
			touched++
			if before, _ := split(t, a.chunk); !bytes.Equal(before, chunks[i]) {
				t.Errorf("chunk %d was changed", i)
			}
		}
	}
	if touched < 100 {
		t.Errorf("only %d chunks had a hit", touched)
	}
}

// Reloads leave nothing behind: no thread, goroutine, file or block, no handle
// that still works, and no signal handler but Go's.
func TestReloads(t *testing.T) {
	url := misptest.New(misptest.Sample()).Start(t)
	const rounds = 20
	var chunks [][]byte
	for i := range rounds {
		if i > 0 {
			chunks = append(chunks, reload)
		}
		for j := range 50 {
			chunks = append(chunks, alert(fmt.Sprint(j), listed), alert(fmt.Sprint(j), clean))
		}
	}
	metrics := "metrics_listen=unix:" + filepath.Join(t.TempDir(), "metrics")
	got := run(t, chunks, filter(url, "--threads", "4", "--report", "--call-after-exit", "--log-level", "4", "-p", metrics)...)
	if got.code != 0 || len(got.answers) != rounds*100 {
		t.Fatalf("exit code %d, %d answers, log:\n%s", got.code, len(got.answers), got.log)
	}
	if n := strings.Count(got.log, "[host] a call after exit returns 2\n"); n != rounds {
		t.Errorf("%d calls after exit passed, want %d", n, rounds)
	}
	if n := strings.Count(got.log, "SIGSEGV is the plugin's\n"); n != rounds {
		t.Errorf("%d rounds had Go's signal handler, want %d", n, rounds)
	}
	type report struct{ goroutines, processors, threads, files, bytes int }
	var reports []report
	var r report
	for _, line := range lines(got.log) {
		if strings.Contains(line, "metrics_listen") {
			t.Error(line)
		}
		_, _ = fmt.Sscanf(line, "[debug] [filter:misp:misp.0] closed goroutines=%d processors=%d", &r.goroutines, &r.processors)
		var round int
		if n, _ := fmt.Sscanf(line, "[host] round %d: %d threads, %d files, %d bytes", &round, &r.threads, &r.files, &r.bytes); n == 4 {
			reports = append(reports, r)
		}
	}
	if len(reports) != rounds {
		t.Fatalf("%d reports:\n%s", len(reports), got.log)
	}
	// The first rounds fill pools, of threads and of memory, and a connection
	// that was just closed takes a moment to go.
	early, late := reports[4], reports[rounds-1]
	if late.goroutines > 7 || late.processors != early.processors || late.threads > early.threads+3 || late.files > early.files+2 || late.bytes > early.bytes+64<<10 {
		t.Errorf("the process grows: %+v, later %+v", early, late)
	}
}
