package enrich

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// No call takes longer than it may, whatever MISP does.
func TestWaitIsBounded(t *testing.T) {
	faults := map[string]misptest.Fault{
		"silent": misptest.Silent,
		"drip":   misptest.Drip(time.Second),
		"late":   misptest.Latency(time.Minute),
		"huge":   misptest.Huge(1 << 30),
		"reset":  misptest.Reset,
	}
	for name, fault := range faults {
		for _, wait := range []time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s %v", name, wait), func(t *testing.T) {
				e, server := start(t, database(), "max_wait", wait.String(), "storage_path", filepath.Join(t.TempDir(), "s"))
				server.Fault(fault)
				best := time.Hour
				for i := range 3 {
					c := chunk(t, strings.ReplaceAll(lateAlert, "203.0.113.5", fmt.Sprintf("203.0.113.%d", 5+i)))
					begin := time.Now()
					got, _ := enrich(e, c)
					best = min(best, time.Since(begin)) // of a few: the machine may be busy
					if !strings.Contains(got[0], `"misp_verdict":"unknown"`) {
						t.Errorf("got %s", got[0])
					}
				}
				if best > wait+20*time.Millisecond {
					t.Errorf("a call takes %v", best)
				}
			})
		}
	}
}

// An alert that comes out as unknown is on disk by then, also where there is
// nothing to wait for, and a full chunk of them too.
func TestStoredBeforeItPasses(t *testing.T) {
	for _, wait := range []string{"0", "1ms", "100ms"} {
		// A call waits for the disk as long as its budget allows, so a busy
		// machine may let one pass too early. It does not do so again and again.
		for try := 1; ; try++ {
			problem := storedAtOnce(t, wait)
			if problem == "" {
				break
			}
			if try == 3 {
				t.Fatalf("max_wait %s: %s", wait, problem)
			}
		}
	}
}

// storedAtOnce enriches chunks with a new engine, and returns what is not on
// disk after one of them.
func storedAtOnce(t *testing.T, wait string) (problem string) {
	dir := filepath.Join(t.TempDir(), "s")
	e, server := start(t, database(), "max_wait", wait, "storage_path", dir)
	server.Fault(misptest.Silent)
	for i := range 10 {
		var lines []string
		for j := range 20 {
			lines = append(lines, strings.ReplaceAll(lateAlert, "203.0.113.5", fmt.Sprintf("11.0.%d.%d", i, j)))
		}
		enrich(e, chunk(t, lines...))
		stored := 0
		segments, _ := filepath.Glob(filepath.Join(dir, "queue-1", "*.segment"))
		for _, segment := range segments {
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			stored += bytes.Count(b, []byte("1772359200.7"))
		}
		if want := 20 * (i + 1); stored != want {
			return fmt.Sprintf("%d alerts are on disk, want %d", stored, want)
		}
	}
	return ""
}
