package pending

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// open opens a queue and closes it with the test.
func open(t testing.TB, cfg Config) *Queue {
	t.Helper()
	q, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

func put(q *Queue, from, to int) {
	for i := from; i < to; i++ {
		q.Put(context.Background(), fmt.Appendf(nil, "entry %d", i))
	}
}

// rest returns all that Next has.
func rest(q *Queue) (texts []string, last uint64) {
	for {
		entries := q.Next(7)
		if len(entries) == 0 {
			return texts, last
		}
		for _, e := range entries {
			texts, last = append(texts, string(e.Data)), e.Number
		}
	}
}

// wants are the texts of put.
func wants(from, to int) (texts []string) {
	for i := from; i < to; i++ {
		texts = append(texts, fmt.Sprintf("entry %d", i))
	}
	return texts
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("%d entries %.200q, want %d: %.200q", len(got), got, len(want), want)
	}
}

func TestFirstInFirstOut(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "new", "queue")} {
		q := open(t, Config{Dir: dir})
		put(q, 0, 10)
		same(t, texts(q.Next(4)), wants(0, 4))
		put(q, 10, 30)
		got, _ := rest(q)
		same(t, got, wants(4, 30))
		put(q, 30, 31)
		select {
		case <-q.Ready():
		default:
			t.Error("not ready")
		}
		got, last := rest(q)
		same(t, got, wants(30, 31))
		if n := q.Stats().Waiting; n != 31 {
			t.Errorf("%d wait, want 31: none is done", n)
		}
		q.Done(last)
		if n := q.Stats().Waiting; n != 0 {
			t.Errorf("%d wait, want none", n)
		}
	}
}

func texts(entries []Entry) (texts []string) {
	for _, e := range entries {
		texts = append(texts, string(e.Data))
	}
	return texts
}

// What is not done is there when the queue is opened again; what is done is
// not, and takes no room.
func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := open(t, Config{Dir: dir})
	put(q, 0, 100)
	entries := q.Next(40)
	q.Done(entries[29].Number)
	q.Close()

	q = open(t, Config{Dir: dir})
	put(q, 100, 120)
	got, last := rest(q)
	same(t, got, wants(30, 120))
	q.Done(last)
	q.Close()

	if names, _ := filepath.Glob(dir + "/*" + segmentExt); names != nil {
		t.Errorf("segments are left: %q", names)
	}
	q = open(t, Config{Dir: dir})
	put(q, 120, 121)
	got, _ = rest(q)
	same(t, got, wants(120, 121))
}

func TestBounded(t *testing.T) {
	data := func(i int) []byte { return append(fmt.Appendf(nil, "%06d", i), make([]byte, 994)...) }
	for name, cfg := range map[string]Config{
		"on disk":   {Dir: filepath.Join(t.TempDir(), "queue"), Size: 1 << 20},
		"in memory": {Size: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			q := open(t, cfg)
			const total = 3000
			for i := range total {
				q.Put(context.Background(), data(i))
			}
			got, _ := rest(q)
			if len(got) < 900 || len(got) > 1030 || got[len(got)-1][:6] != "002999" {
				t.Fatalf("%d entries are left, up to %s", len(got), got[len(got)-1][:6])
			}
			if s := q.Stats(); s.Dropped != uint64(total-len(got)) || s.Waiting != uint64(len(got)) {
				t.Errorf("%+v, want %d dropped", s, total-len(got))
			}
			q.Close()
			if n := strings.Count(log.String(), "the oldest are dropped"); n != 1 {
				t.Errorf("%d lines about it, want 1: %s", n, &log)
			}
			var size int64
			filepath.Walk(cfg.Dir, func(_ string, info os.FileInfo, _ error) error {
				if info != nil && info.Mode().IsRegular() {
					size += info.Size()
				}
				return nil
			})
			if size > 1<<20+100 {
				t.Errorf("%d bytes on disk, want at most 1 MB", size)
			}
		})
	}
}

func TestTooLongIsDropped(t *testing.T) {
	q := open(t, Config{})
	q.Put(context.Background(), make([]byte, MaxEntry+1), []byte("x"))
	got, _ := rest(q)
	same(t, got, []string{"x"})
	if n := q.Stats().Dropped; n != 1 {
		t.Errorf("%d dropped, want 1", n)
	}
}

func TestOneAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := open(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	q.Close()
	open(t, Config{Dir: dir})
}

func TestConcurrently(t *testing.T) {
	before := runtime.NumGoroutine()
	q := open(t, Config{Dir: filepath.Join(t.TempDir(), "queue")})
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				q.Put(context.Background(), fmt.Appendf(nil, "%d %d", w, i))
			}
		})
	}
	seen := map[string]bool{}
	for len(seen) < writers*each {
		<-q.Ready()
		for entries := q.Next(50); len(entries) > 0; entries = q.Next(50) {
			for _, e := range entries {
				if seen[string(e.Data)] {
					t.Fatalf("twice: %s", e.Data)
				}
				seen[string(e.Data)] = true
			}
			q.Done(entries[len(entries)-1].Number)
		}
	}
	wg.Wait()
	q.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond) // one that is at its end
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// A syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// To put nothing does not wait for the disk, also where nothing was put before.
func TestPutNothing(t *testing.T) {
	for _, entries := range [][][]byte{nil, {make([]byte, MaxEntry+1)}} {
		q := open(t, Config{Dir: t.TempDir()})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		q.Put(ctx, entries...)
		if ctx.Err() != nil {
			t.Errorf("Put of %d entries waits", len(entries))
		}
		cancel()
	}
}
