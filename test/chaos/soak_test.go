package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A sample is what a host has at a moment.
type sample struct{ goroutines, heap, files, resident int } // heap and resident in MB

func (h *host) sample() (s sample) {
	log := h.log.String()
	// The runtime tells every two seconds; the last time may not be all there.
	blocks := strings.Split(log, "SCHED ")
	if len(blocks) > 2 {
		s.goroutines = len(regexp.MustCompile(`(?m)^ +G\d+: status=[1-4]\(`).FindAllString(blocks[len(blocks)-2], -1))
	}
	if gcs := regexp.MustCompile(`\d+->\d+->(\d+) MB`).FindAllStringSubmatch(log, -1); gcs != nil {
		_, _ = fmt.Sscan(gcs[len(gcs)-1][1], &s.heap)
	}
	proc := fmt.Sprintf("/proc/%d/", h.cmd.Process.Pid)
	files, _ := os.ReadDir(proc + "fd")
	s.files = len(files)
	status, _ := os.ReadFile(proc + "status")
	_, text, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(text, &s.resident)
	s.resident >>= 10
	return s
}

// lowest returns the least of each figure.
func lowest(samples []sample) sample {
	low := samples[0]
	for _, s := range samples {
		low = sample{min(low.goroutines, s.goroutines), min(low.heap, s.heap), min(low.files, s.files), min(low.resident, s.resident)}
	}
	return low
}

// TestSoak has alerts flow at a steady rate while faults come and go, and
// watches that nothing grows.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := *soak
	if length == 0 {
		length = lasting(10*time.Second, time.Minute)
	}
	s, l, storage, r := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage"), random(t)
	// A hit that serves long after its end would leave nothing to be late.
	h := start(t, l, s.url(), storage, "--threads 4", "cache_stale_ttl=1s")
	var samples []sample
	begin := time.Now()
	every := max(time.Second, min(length/40, 30*time.Second))
	sampled := begin
	for time.Since(begin) < length {
		f := faults[r.IntN(len(faults))]
		if f.slow {
			continue
		}
		end := f.begin(s)
		flow(h, time.Duration(1000+r.IntN(2000))*time.Millisecond)
		end()
		flow(h, time.Duration(1000+r.IntN(4000))*time.Millisecond)
		if time.Since(sampled) >= every {
			sampled = time.Now()
			samples = append(samples, h.sample())
			t.Logf("%8s %+v, %v", time.Since(begin).Round(time.Second), samples[len(samples)-1], l)
		}
	}
	settle(h, storage)
	reports := h.stop()
	check(t, l, true)
	last := reports[len(reports)-1]
	t.Logf("%v; longest call %.0f ms; after the end %+v", l, last.longest, last)
	if last.goroutines > 7 {
		t.Errorf("%d goroutines are left", last.goroutines)
	}
	if n := len(samples) / 4; n >= 3 {
		early, late := lowest(samples[n:2*n]), lowest(samples[3*n:])
		t.Logf("lowest in the second quarter %+v, in the last %+v", early, late)
		if late.goroutines > early.goroutines+5 || late.heap > early.heap+early.heap/4+2 || late.files > early.files+4 {
			t.Errorf("it grows from %+v to %+v", early, late)
		}
	}
}
