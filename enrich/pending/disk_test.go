package pending

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A disk that is full, or fails in any other way, costs nobody time; what it
// did not take is written when it works again.
func TestDiskFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	var log syncBuffer
	q, err := Open(Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	q.retry = 50 * time.Millisecond
	put(q, 0, 3)
	replaceFile(t, q, "/dev/full")
	begin := time.Now()
	put(q, 3, 100)
	if took := time.Since(begin); took > 40*time.Millisecond || !q.Stats().Failing || !strings.Contains(q.Stats().InMemory, "no space left") {
		t.Errorf("took %v, stats %+v", took, q.Stats())
	}
	got, _ := rest(q)
	same(t, got, wants(0, 100))
	for q.Stats().Failing || q.Stats().InMemory != "" {
		time.Sleep(time.Millisecond)
	}
	q.Close()
	q = open(t, Config{Dir: dir})
	got, _ = rest(q)
	same(t, got, wants(0, 100))
	if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "no space left on device") ||
		!strings.Contains(log.String(), "on disk again") {
		t.Errorf("%d lines, want two: %s", n, log.String())
	}
}

// replaceFile makes the queue write to another file.
func replaceFile(t *testing.T, q *Queue, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	q.disk.mu.Lock()
	defer q.disk.mu.Unlock()
	q.disk.file.Close()
	q.disk.file = f
	return f
}

// A disk that does not answer holds up neither who puts nor who closes.
func TestDiskHangs(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	q := open(t, Config{Dir: filepath.Join(dir, "queue")})
	put(q, 0, 1)
	f := replaceFile(t, q, fifo)
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	begin := time.Now()
	q.Put(ctx, make([]byte, 200_000)) // more than a pipe takes
	if took := time.Since(begin); took < 25*time.Millisecond || took > 500*time.Millisecond {
		t.Errorf("put took %v, want 30 ms", took)
	}
	// From then on nobody waits for it, until it answers.
	begin = time.Now()
	put(q, 1, 10)
	if took := time.Since(begin); took > 25*time.Millisecond {
		t.Errorf("the next took %v", took)
	}
	begin = time.Now()
	q.Close()
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("close took %v, want a second", took)
	}
}
