package chaos

import (
	"bytes"
	"crypto/x509"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// A fault is something that happens to MISP while alerts flow.
type fault struct {
	name  string
	begin func(*site) (end func())
	slow  bool // it takes a minute to get over
}

// answers makes a fault of one of misptest's.
func answers(f misptest.Fault) func(*site) func() {
	return func(s *site) func() {
		s.Fault(f)
		return func() { s.Fault(nil) }
	}
}

var faults = []fault{
	{name: "refused", begin: func(s *site) func() { s.down(); return s.up }},
	{name: "accepted but silent", begin: func(s *site) func() {
		s.mute()
		return func() { s.down(); s.up() }
	}},
	{name: "asked but silent", begin: answers(misptest.Silent)},
	{name: "one byte a second", begin: answers(misptest.Drip(time.Second))},
	{name: "reset in the body", begin: answers(misptest.Reset)},
	{name: "late", begin: answers(misptest.Latency(2 * maxWait))},
	{name: "restarts", begin: func(s *site) func() { return s.restarts() }},
	{name: "login page", begin: answers(misptest.LoginRedirect)},
	{name: "403", begin: answers(misptest.Status(403)), slow: true},
	{name: "404", begin: answers(misptest.Status(404))},
	{name: "413", begin: answers(misptest.Status(413))},
	{name: "429 for a second", begin: answers(misptest.RateLimited(time.Second))},
	{name: "429 without headers", begin: answers(misptest.Status(429)), slow: true},
	{name: "500", begin: answers(misptest.Status(500))},
	{name: "502 with a page", begin: answers(misptest.Status(502))},
	{name: "cut off", begin: answers(misptest.CutOff)},
	{name: "wrong shape", begin: answers(misptest.WrongShape)},
	{name: "wrong types", begin: answers(misptest.WrongTypes)},
	{name: "duplicate keys", begin: answers(misptest.DuplicateKeys)},
	{name: "deep nesting", begin: answers(misptest.DeepNesting(1_000_000))},
	{name: "1 GB", begin: answers(misptest.Huge(1 << 30))},
	{name: "1 GB in one value", begin: answers(oneValue(1 << 30))},
	{name: "gzip bomb", begin: answers(misptest.GzipBomb(1 << 30))},
	{name: "whole database", begin: answers(misptest.WholeDatabase)},
	{name: "unasked values", begin: func(s *site) func() {
		var values []string
		for n := range known / 2 {
			value, _, _ := indicator(n, true)
			values = append(values, value)
		}
		return answers(misptest.Unasked(values...))(s)
	}},
}

// oneValue answers with an attribute whose value is of that many bytes.
func oneValue(size int) misptest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"response": {"Attribute": [{"value": "`)
		part := bytes.Repeat([]byte("a"), 1<<16)
		for sent := 0; sent < size && err == nil; sent += len(part) {
			_, err = w.Write(part)
		}
	}
}

// However MISP fails, alerts flow, and when it is back, what it knows follows.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		if f.slow && !*long {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			through(t, newSite(t), f.begin)
		})
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(badCertificates)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			good, bad := a.make(func(*x509.Certificate) {}), badCertificates[name](a)
			s := newSite(t)
			s.certify(good)
			through(t, s, func(s *site) func() {
				s.certify(bad)
				return func() { s.certify(good) }
			}, "tls.ca_file="+a.file())
		})
	}
}

// A name of MISP's that cannot be resolved is put right, and Fluent Bit
// restarted.
func TestNameNotFound(t *testing.T) {
	t.Parallel()
	s, l, storage := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage")
	// Go asks no server for names under .onion, so nothing leaves the machine.
	h := start(t, l, "http://misp.onion", storage)
	flow(h, lasting(time.Second, 5*time.Second))
	h.stop()
	h = start(t, l, s.url(), storage)
	settle(h, storage)
	h.stop()
	check(t, l, true)
}

// The second MISP answers while the first cannot.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	through(t, s, func(s *site) func() { s.Fault(misptest.Status(500)); return func() { s.Fault(nil) } },
		"url=http://misp.onion, "+s.url())
}

// through has alerts flow, in a second round of which a fault begins and ends.
// It checks what became of them, and that the second round has left no more
// behind than the first.
func through(t *testing.T, s *site, begin func(*site) (end func()), options ...string) {
	t.Helper()
	l, storage := newLedger(), filepath.Join(t.TempDir(), "storage")
	h := start(t, l, s.url(), storage, append(options, "--threads 2")...)
	flow(h, lasting(300*time.Millisecond, 2*time.Second))
	settle(h, storage)
	h.reload()
	end := begin(s)
	flow(h, lasting(time.Second, 5*time.Second))
	end()
	settle(h, storage)
	peak := h.peak()
	reports := h.stop()
	check(t, l, false)
	if len(reports) != 2 {
		t.Fatalf("%d reports:\n%s", len(reports), h.log)
	}
	before, after := reports[0], reports[1]
	t.Logf("%v; longest call %.0f ms, at most %d MB", l, after.longest, peak>>20)
	// The first round fills pools, of threads and of memory.
	if after.goroutines > 7 || after.threads > before.threads+5 || after.files > before.files+3 || after.bytes > before.bytes+64<<10 {
		t.Errorf("it leaves more behind: %+v, before %+v", after, before)
	}
	if peak > 256<<20 {
		t.Errorf("it needed %d MB", peak>>20)
	}
	if t.Failed() {
		t.Logf("log:\n%s", h.quiet())
	}
}

// A pipe is what alerts flow through.
type pipe interface {
	of() (*testing.T, *ledger)
	send(chunk []byte)
	behind() bool // there is so much that has not come out that no more should go in
}

// flow sends alerts for a while, at some hundred a second if they pass at once.
func flow(p pipe, d time.Duration) {
	_, l := p.of()
	n := 0
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		n++
		p.send(l.chunk(1+n%5, true))
		for p.behind() && time.Now().Before(end) {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// settle sends alerts that MISP knows nothing of until all has become of those
// before that should, and nothing is left in the storage.
func settle(p pipe, storage string) {
	t, l := p.of()
	t.Helper()
	for deadline := time.Now().Add(lasting(30*time.Second, 3*time.Minute)); ; time.Sleep(50 * time.Millisecond) {
		behind := p.behind()
		sent, due := l.open()
		left := stored(storage)
		if sent == 0 && due == 0 && len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d alerts did not come out, %d are listed but no hit, in the storage are %v", sent, due, left)
			return
		}
		if sent == 0 && !behind {
			p.send(l.chunk(1, false))
		}
	}
}

// stored returns the files of alerts in a storage that have something in them.
func stored(storage string) []string {
	files, _ := filepath.Glob(filepath.Join(storage, "queue-*", "*.segment"))
	return slices.DeleteFunc(files, func(name string) bool {
		info, err := os.Stat(name)
		return err != nil || info.Size() == 0
	})
}

// check checks what became of the alerts of a ledger.
func check(t *testing.T, l *ledger, mustBeLate bool) {
	t.Helper()
	sent, due := l.open()
	if sent+due > 0 {
		t.Errorf("%d alerts did not come out, %d are listed but no hit", sent, due)
	}
	for _, p := range l.problems {
		t.Error(p)
	}
	if mustBeLate && l.late == 0 {
		t.Errorf("nothing was late: %v", l)
	}
}
