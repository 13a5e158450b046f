package enrich

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"
)

// Alerts that wait in the queue of a section that is gone are asked for by
// another one: soon if it asks the same MISP, a little later if not.
func TestSectionIsGone(t *testing.T) {
	servers := []*misptest.Server{misptest.New(database()), misptest.New(database())}
	var urls []string
	for _, server := range servers {
		urls = append(urls, server.Start(t))
		server.Fault(misptest.Silent)
	}
	dir := filepath.Join(t.TempDir(), "s")
	// Two sections ask the first MISP, one in between them the second.
	var before []*Engine
	for i, n := range []int{0, 1, 0} {
		e := openAt(t, urls[n], "storage_path", dir, "max_wait", "10ms")
		var lines []string
		for j := range 250 { // more than are asked for together
			lines = append(lines, strings.ReplaceAll(lateAlert, `.7"`, fmt.Sprintf(`.%d.%d"`, i, j)))
		}
		enrich(e, chunk(t, lines...))
		before = append(before, e)
	}
	for _, e := range before {
		e.Close()
	}
	waits := func(e *Engine, want uint64) {
		t.Helper()
		if n := e.Stats().Pending.Waiting; n != want {
			t.Errorf("%d wait, want %d", n, want)
		}
	}
	// Whatever comes first in the configuration finds its own.
	second := openAt(t, urls[1], "storage_path", dir)
	waits(second, 250)
	second.Close()
	first := openAt(t, urls[0], "storage_path", dir)
	waits(first, 250)

	for _, server := range servers {
		server.Fault(nil)
	}
	seen := map[string]bool{}
	for _, late := range lateHits(t, first, 250) {
		seen[late] = true
	}
	workedOff(t, first)
	first.late.takeOver(context.Background(), "of another MISP")
	waits(first, 0)
	for _, label := range []string{first.late.label, ""} {
		done := make(chan struct{})
		go func() {
			first.late.takeOver(context.Background(), label)
			close(done)
		}()
		for _, late := range lateHits(t, first, 250) {
			seen[late] = true
		}
		<-done
		workedOff(t, first)
	}
	if len(seen) != 750 {
		t.Errorf("%d late hits, want 750", len(seen))
	}
	if n := servers[1].Counts().Requests; n == 0 {
		t.Error("the second MISP was never asked")
	}
}

// What somebody has open is his.
func TestNothingIsTakenFromTheLiving(t *testing.T) {
	server := misptest.New(database())
	url := server.Start(t)
	server.Fault(misptest.Silent)
	dir := filepath.Join(t.TempDir(), "s")
	a, b := openAt(t, url, "storage_path", dir), openAt(t, url, "storage_path", dir)
	enrich(b, chunk(t, lateAlert))
	a.late.takeOver(context.Background(), "")
	if m, n := a.Stats().Pending.Waiting, b.Stats().Pending.Waiting; m != 0 || n != 1 {
		t.Errorf("%d and %d wait, want 0 and 1", m, n)
	}
}
