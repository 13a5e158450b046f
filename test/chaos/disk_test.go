package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mount mounts a small disk for the test, and returns where. Not everybody can.
func mount(t *testing.T) (dir string, ok bool) {
	dir = t.TempDir()
	if syscall.Mount("chaos", dir, "tmpfs", 0, "size=256k,mode=0700") != nil {
		return dir, false
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, true
}

// fill fills the disk of dir up, until mend is called.
func fill(dir string) (mend func()) {
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	for part := 4096; err == nil; {
		if _, err = f.Write(make([]byte, part)); err != nil && part > 1 {
			part, err = 1, nil
		}
	}
	f.Close()
	return func() { os.Remove(path) }
}

// limit keeps the files of a host from growing, until mend is called.
func limit(h *host) (mend func()) {
	set := func(size string) {
		if out, err := exec.Command("prlimit", "--pid", fmt.Sprint(h.cmd.Process.Pid), "--fsize="+size+":").CombinedOutput(); err != nil {
			h.t.Errorf("%v: %s", err, out)
		}
	}
	set("0")
	return func() { set("unlimited") }
}

// While the disk is full, alerts that wait are kept in memory.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	signal.Ignore(syscall.SIGXFSZ) // the host inherits that
	dir, mounted := mount(t)
	s, l, storage := newSite(t), newLedger(), filepath.Join(dir, "storage")
	h := start(t, l, s.url(), storage)
	s.down()
	flow(h, lasting(300*time.Millisecond, time.Second))
	var mend func()
	if mounted {
		mend = fill(dir)
	} else {
		mend = limit(h)
	}
	flow(h, lasting(time.Second, 10*time.Second))
	mend()
	flow(h, lasting(300*time.Millisecond, 10*time.Second))
	s.up()
	settle(h, storage)
	h.stop()
	check(t, l, true)
	if !strings.Contains(h.log.String(), "kept in memory only") {
		t.Errorf("the log does not say that the disk is full:\n%s", h.quiet())
	}
}

// While the disk is read-only, alerts that wait are kept in memory, whether the
// storage is there already or not.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"with a storage": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, mounted := mount(t)
			if !mounted {
				return // TestDiskFull has shown what comes of a disk that takes nothing
			}
			s, l, storage := newSite(t), newLedger(), filepath.Join(dir, "storage")
			if before {
				h := start(t, l, s.url(), storage)
				flow(h, 300*time.Millisecond)
				settle(h, storage)
				h.stop()
			}
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			h := start(t, l, s.url(), storage)
			s.down()
			flow(h, lasting(time.Second, 5*time.Second))
			s.up()
			settle(h, storage)
			h.stop()
			check(t, l, true)
			if !strings.Contains(h.log.String(), "kept in memory only") {
				t.Errorf("the log does not say that the disk is read-only:\n%s", h.quiet())
			}
		})
	}
}

// Files that are half-written or not of the queue cost nothing of what is whole.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	s, l, storage := newSite(t), newLedger(), filepath.Join(t.TempDir(), "storage")
	r := random(t)
	garbage := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	s.down()
	for round := range int(lasting(3, 20)) {
		h := start(t, l, s.url(), storage)
		flow(h, 200*time.Millisecond)
		h.stop()
		segments, _ := filepath.Glob(filepath.Join(storage, "queue-1", "*.segment"))
		if len(segments) == 0 {
			t.Fatal("nothing is in the storage")
		}
		last := segments[len(segments)-1]
		text, err := os.ReadFile(last)
		if err != nil {
			t.Fatal(err)
		}
		half := append(text[:len(text):len(text)], text[:20+r.IntN(20)]...)
		for name, text := range map[string][]byte{
			last: append(half, garbage(r.IntN(100))...),
			filepath.Join(storage, "queue-1", "done"):                                        garbage(r.IntN(20)),
			filepath.Join(storage, "queue-1", fmt.Sprintf("%016x.segment", 1<<40+round)):     garbage(1000),
			filepath.Join(storage, "queue-1", fmt.Sprintf("%016x.segment.new", 1<<41+round)): garbage(1000),
		} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.up()
	h := start(t, l, s.url(), storage)
	settle(h, storage)
	h.stop()
	check(t, l, true)
	if !strings.Contains(h.log.String(), "damaged files were set aside") {
		t.Errorf("the log does not say that files were damaged:\n%s", h.quiet())
	}
}
