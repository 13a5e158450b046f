package chaos

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// What an alert that came out said to be unknown survives kill -9. What did not
// come out, Fluent Bit reads again.
func TestKill(t *testing.T) {
	t.Parallel()
	s, l, storage, r := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage"), random(t)
	l.again = true
	for n := range int(lasting(8, 50)) {
		switch n % 4 {
		case 0:
			s.down()
		case 1:
			s.mute()
		case 2:
			s.down()
			s.up()
			s.Fault(misptest.Status(500))
		}
		h := start(t, l, s.url(), storage)
		for _, event := range l.lost() {
			h.send(event)
		}
		if n == 0 { // the others may all end before the host has begun
			flowUntil(h, l.waits)
		}
		end := time.Now().Add(time.Duration(r.IntN(300)) * time.Millisecond)
		for time.Now().Before(end) {
			flow(h, 5*time.Millisecond)
		}
		h.kill()
	}
	s.down()
	s.up()
	s.Fault(nil)
	h := start(t, l, s.url(), storage)
	for _, event := range l.lost() {
		h.send(event)
	}
	settle(h, storage)
	h.stop()
	check(t, l, true)
	t.Log(l)
}

// Eight threads filter at once while MISP comes and goes, with reloads in
// between.
func TestReloads(t *testing.T) {
	t.Parallel()
	s, l, storage, r := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage"), random(t)
	h := start(t, l, s.url(), storage, "--threads 8", "--instances 2")
	reloads := int(lasting(12, 100))
	for range reloads {
		end := faults[r.IntN(6)].begin(s)
		flow(h, time.Duration(r.IntN(300))*time.Millisecond)
		end()
		h.reload()
	}
	settle(h, storage)
	reports := h.stop()
	check(t, l, true)
	if len(reports) != reloads+1 {
		t.Fatalf("%d reports:\n%s", len(reports), h.quiet())
	}
	early, late := reports[reloads/3], reports[reloads]
	t.Logf("%v; longest call %.0f ms; %+v, before %+v", l, late.longest, late, early)
	if late.goroutines > 7 || late.threads > early.threads+6 || late.files > early.files+4 || late.bytes > early.bytes+128<<10 {
		t.Errorf("it leaves more behind: %+v, before %+v", late, early)
	}
}

// flowUntil sends alerts until there was enough: on a busy machine the host, and each
// of its threads, begins late.
func flowUntil(p pipe, enough func() bool) {
	for begin := time.Now(); !enough() && time.Since(begin) < 20*time.Second; {
		flow(p, 5*time.Millisecond)
	}
}

// What waits in the queue of a section that is gone is taken over by one that is
// left.
func TestSectionIsGone(t *testing.T) {
	t.Parallel()
	s, l, storage := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage")
	l.again = true
	s.down()
	h := start(t, l, s.url(), storage, "--threads 3", "--instances 3")
	flow(h, lasting(500*time.Millisecond, 5*time.Second))
	flowUntil(h, func() bool {
		queues := map[string]bool{} // one of each section
		for _, file := range stored(storage) {
			queues[filepath.Dir(file)] = true
		}
		return len(queues) == 3 && l.waits()
	})
	h.kill()
	s.up()
	h = start(t, l, s.url(), storage)
	for _, event := range l.lost() {
		h.send(event)
	}
	settle(h, storage)
	h.stop()
	check(t, l, true)
	if n := strings.Count(h.log.String(), "which no section uses"); n != 2 {
		t.Errorf("%d queues were taken over, want 2:\n%s", n, h.quiet())
	}
}
