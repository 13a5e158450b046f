package pending

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// openLogged opens a queue on disk that tries again soon.
func openLogged(t *testing.T) (q *Queue, dir string, log *syncBuffer) {
	t.Helper()
	log = &syncBuffer{}
	dir = filepath.Join(t.TempDir(), "storage", "queue")
	q = open(t, Config{Dir: dir, Label: "a", Log: slog.New(slog.NewTextHandler(log, nil))})
	q.retry = 20 * time.Millisecond
	return q, dir, log
}

// What cannot be read at the moment is not lost.
func TestUnreadable(t *testing.T) {
	q, _, log := openLogged(t)
	put(q, 0, 10)
	same(t, texts(q.Next(3)), wants(0, 3))
	q.Close()
	q = open(t, Config{Dir: q.disk.path, Log: q.log})
	q.retry = 20 * time.Millisecond
	<-q.Ready()

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	got, _ := rest(q)
	again, _ := rest(q)
	stats := q.Stats()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	same(t, append(got, again...), nil)
	if !strings.Contains(stats.Unreadable, "too many open files") {
		t.Errorf("%+v", stats)
	}
	select {
	case <-q.Ready():
	case <-time.After(5 * time.Second):
		t.Fatal("it is not tried again")
	}
	got, _ = rest(q)
	same(t, got, wants(0, 10))
	if s := q.Stats(); s.Dropped > 0 || s.Unreadable != "" {
		t.Errorf("%+v", s)
	}
	if strings.Count(log.String(), "cannot be read") != 1 || strings.Count(log.String(), "can be read again") != 1 {
		t.Errorf("want a line for each: %s", log)
	}
}

// What somebody removes is counted, and the queue goes on.
func TestRemoved(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"a segment": func(dir string) error { return os.Remove(filepath.Join(dir, segmentName(0))) },
		"the files": func(dir string) error {
			names, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, name := range names {
				os.Remove(name)
			}
			return nil
		},
		"the directory":  os.RemoveAll,
		"storage_path":   func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
		"moved":          func(dir string) error { return os.Rename(dir, dir+".old") },
		"and made again": func(dir string) error { os.RemoveAll(dir); return os.Mkdir(dir, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			q, dir, log := openLogged(t)
			put(q, 0, 10)
			if err := remove(dir); err != nil {
				t.Fatal(err)
			}
			put(q, 10, 20)
			got, last := rest(q)
			same(t, got, wants(10, 20))
			if s := q.Stats(); s.Dropped != 10 || s.DroppedAt.IsZero() || s.InMemory != "" {
				t.Errorf("%+v, want 10 dropped", s)
			}
			if strings.Count(log.String(), "10 alerts") != 1 {
				t.Errorf("want a line: %s", log)
			}
			if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
				t.Errorf("it is not locked: %v", err)
			}
			q.Done(last - 5)
			q.Close()
			if _, err := Open(Config{Dir: dir, Label: "b"}); !errors.Is(err, ErrOther) {
				t.Errorf("it has no label: %v", err)
			}
			got, _ = rest(open(t, Config{Dir: dir}))
			same(t, got, wants(15, 20))
		})
	}
}

// What is lost behind all others does not wait for ever.
func TestRemovedAtTheEnd(t *testing.T) {
	q, dir, _ := openLogged(t)
	put(q, 0, 10)
	if err := os.Remove(filepath.Join(dir, segmentName(0))); err != nil {
		t.Fatal(err)
	}
	for entries := q.Next(7); len(entries) > 0; entries = q.Next(7) {
		q.Done(entries[len(entries)-1].Number)
	}
	if s := q.Stats(); s.Waiting != 0 || s.Dropped != 10 {
		t.Errorf("%+v, want none, and 10 dropped", s)
	}
}

// Nor does what the queue itself finds lost, before anybody wants it.
func TestRemovedWhatIsNotRead(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"a segment":     func(dir string) error { return os.Remove(filepath.Join(dir, segmentName(0))) },
		"the directory": os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			q, dir, _ := openLogged(t)
			put(q, 0, 1)
			same(t, texts(q.Next(1)), wants(0, 1))
			put(q, 1, 10)
			if err := remove(dir); err != nil {
				t.Fatal(err)
			}
			q.Done(0)
			for end := time.Now().Add(5 * time.Second); q.Stats().Dropped == 0 && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			for entries := q.Next(7); len(entries) > 0; entries = q.Next(7) {
				q.Done(entries[len(entries)-1].Number)
			}
			if s := q.Stats(); s.Waiting != 0 || s.Dropped != 9 {
				t.Errorf("%+v, want none, and 9 dropped", s)
			}
		})
	}
}

// What is removed is made anew although nothing is put.
func TestRemovedWhileNothingHappens(t *testing.T) {
	q, dir, _ := openLogged(t)
	put(q, 0, 10)
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * lookEvery); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
			got, _ := rest(q)
			same(t, got, wants(0, 10))
			return
		}
	}
	t.Error("there is no lock")
}

// A queue that somebody has put in the place of this one is not written to.
func TestReplaced(t *testing.T) {
	q, dir, _ := openLogged(t)
	put(q, 0, 10)
	other := filepath.Join(t.TempDir(), "other")
	o := open(t, Config{Dir: other})
	put(o, 100, 110)
	o.Close()
	os.Rename(dir, dir+".old")
	if err := os.Rename(other, dir); err != nil {
		t.Fatal(err)
	}
	put(q, 10, 20)
	if s := q.Stats(); !strings.Contains(s.InMemory, "another queue") {
		t.Errorf("%+v", s)
	}
	got, _ := rest(q)
	same(t, got, wants(0, 20))
	q.Close()
	got, _ = rest(open(t, Config{Dir: dir}))
	same(t, got, wants(100, 110))
}
