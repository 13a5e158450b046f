package pending

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	start := time.Now()
	var a ages
	if got := a.since(0); !got.IsZero() {
		t.Errorf("of nothing: %v", got)
	}
	const each, seconds = 3, 5000
	for s := range seconds {
		for i := range each {
			a.put(uint64(s*each+i), start.Add(time.Duration(s)*time.Second+time.Duration(i)*time.Millisecond))
		}
	}
	if len(a.list) > maxAges {
		t.Errorf("%d ages are kept", len(a.list))
	}
	for s := 0; s < seconds; s += 7 {
		late := time.Duration(s)*time.Second - a.since(uint64(s*each)).Sub(start)
		if late < 0 || late > 4*seconds*time.Second/maxAges {
			t.Fatalf("second %d passes for %v older", s, late)
		}
	}
	if len(a.list) > 10 {
		t.Errorf("%d ages are left of what is done", len(a.list))
	}
}

func TestStatsOfWhatWaits(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "q")} {
		q := open(t, Config{Dir: dir, Size: 1 << 20})
		if s := q.Stats(); s.Bytes != 0 || s.Limit != 1<<20 || !s.Oldest.IsZero() || s.InMemory != "" {
			t.Errorf("in %q, empty: %+v", dir, s)
		}
		begin := time.Now()
		q.Put(context.Background(), []byte("one"), []byte("two"))
		if s := q.Stats(); s.Bytes != 2*(headSize+3) || s.Oldest.Before(begin) || s.Oldest.After(time.Now()) {
			t.Errorf("in %q, with two: %+v", dir, s)
		}
		q.Done(1)
		for end := time.Now().Add(5 * time.Second); q.Stats().Bytes > 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if s := q.Stats(); s.Bytes != 0 || !s.Oldest.IsZero() {
			t.Errorf("in %q, done: %+v", dir, s)
		}
	}
}

// TestOldestOfAnEarlierProcess is as old as its file.
func TestOldestOfAnEarlierProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q")
	q := open(t, Config{Dir: dir})
	q.Put(context.Background(), []byte("one"))
	q.Close()
	then := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(dir, segmentName(0)), then, then); err != nil {
		t.Fatal(err)
	}
	q = open(t, Config{Dir: dir})
	if s := q.Stats(); !s.Oldest.Equal(then) || s.Bytes == 0 {
		t.Errorf("%+v, want one from %v", s, then)
	}
}

func TestStatsOfDropped(t *testing.T) {
	q := open(t, Config{Size: 1 << 20})
	begin := time.Now()
	for range 2 {
		for range 6 {
			q.Put(context.Background(), make([]byte, MaxEntry))
		}
	}
	if s := q.Stats(); s.Dropped == 0 || s.DroppedAt.Before(begin) || s.Bytes > s.Limit {
		t.Errorf("%+v", s)
	}
}
