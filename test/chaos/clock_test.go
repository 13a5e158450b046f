package chaos

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A clock is what a host takes for that of the machine.
type clock struct {
	t    *testing.T
	file *os.File
}

func newClock(t *testing.T) *clock {
	file, err := os.Create(filepath.Join(t.TempDir(), "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c := &clock{t, file}
	c.set(0)
	return c
}

// set has it be ahead of the machine's by some time from now on.
func (c *clock) set(ahead time.Duration) {
	if _, err := c.file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second)), 0); err != nil {
		c.t.Error(err)
	}
}

// The clock is set forward and back by an hour, while MISP is there and while it
// is away.
func TestClockIsSet(t *testing.T) {
	t.Parallel()
	s, l, storage, c := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage"), newClock(t)
	// A hit that serves long after its end would leave nothing to be late.
	h := start(t, l, s.url(), storage, "--threads 2", "--clock "+c.file.Name(), "max_requests_per_minute=6000", "cache_stale_ttl=1s")
	for _, ahead := range []time.Duration{time.Hour, 0, -time.Hour, time.Hour} {
		flow(h, lasting(200*time.Millisecond, 2*time.Second))
		s.down()
		flow(h, lasting(200*time.Millisecond, 2*time.Second))
		c.set(ahead)
		flow(h, lasting(200*time.Millisecond, 2*time.Second))
		s.up()
		settle(h, storage)
		// It is the plugin that dates late hits.
		if got, want := l.lastLate(), time.Now().Add(ahead); got.Sub(want).Abs() > time.Minute {
			t.Errorf("a late hit is of %v, want about %v", got, want)
		}
	}
	reports := h.stop()
	check(t, l, true)
	t.Logf("%v; longest call %.0f ms", l, reports[0].longest)
}
