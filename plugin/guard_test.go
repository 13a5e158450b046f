package main

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// The first defect is logged with its stack, all of them are counted.
func TestGuard(t *testing.T) {
	var log bytes.Buffer
	g := guard{log: slog.New(slog.NewTextHandler(&log, nil))}
	g.report()
	if log.Len() != 0 {
		t.Errorf("without a defect the log has %q", &log)
	}
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			defer func() { g.caught(recover()) }()
			var nowhere *block
			nowhere.size++
		})
	}
	calls.Wait()
	g.report()
	for _, want := range []string{"nil pointer dereference", "plugin.TestGuard.func1()", "count=8"} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("the log has %q %d times, want once:\n%s", want, n, &log)
		}
	}
}
