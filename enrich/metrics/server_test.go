package metrics

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// wait waits until something is so, for some seconds.
func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestReload opens the sections of the next configuration before and after those
// of the last one are closed.
func TestReload(t *testing.T) {
	e := open(t, "http://127.0.0.1:9")
	for _, address := range []string{freeAddress(t), "unix:" + filepath.Join(t.TempDir(), "s")} {
		before := runtime.NumGoroutine()
		stop := serve(t, address, "filter:misp.0", e)
		for i := range 6 {
			if i%2 == 0 {
				stop()
				stop = serve(t, address, "filter:misp.0", e)
			} else {
				last := stop
				stop = serve(t, address, "filter:misp.0", e)
				last()
			}
			_, body := get(t, address, "/metrics")
			if n := strings.Count(body, "fluentbit_misp_cache_entries{"); n != 1 {
				t.Errorf("%s, reload %d: %d sections are served", address, i, n)
			}
		}
		begin := time.Now()
		stop()
		if took := time.Since(begin); took > 2*closeWithin {
			t.Errorf("took %v to stop", took)
		}
		wait(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
		if path, unix := strings.CutPrefix(address, "unix:"); unix {
			if _, err := os.Lstat(path); err == nil {
				t.Error("the socket is left")
			}
		}
	}
	if len(servers.of) != 0 {
		t.Errorf("left: %v", servers.of)
	}
}

// TestStopWhileSomebodyIsConnected has somebody connected who sends nothing.
func TestStopWhileSomebodyIsConnected(t *testing.T) {
	e := open(t, "http://127.0.0.1:9")
	address := freeAddress(t)
	before := runtime.NumGoroutine()
	stop := serve(t, address, "filter:misp.0", e)
	for range 5 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	time.Sleep(20 * time.Millisecond)
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > 2*closeWithin {
		t.Errorf("took %v", took)
	}
	wait(t, "goroutines are left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestTaken is about an address that somebody else has: the section is served
// as soon as it is free.
func TestTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	v := newServer(address)
	v.retry = 50 * time.Millisecond
	servers.of[address] = v
	var log logBook
	defer Serve(address, Section{Name: "filter:misp.0", Engine: open(t, "http://127.0.0.1:9"), Panics: none}, log.logger())()
	want := "metrics_listen " + address + ": address already in use: alerts are looked up all the same, and this is tried again every 50ms"
	if !strings.Contains(log.String(), want) {
		t.Errorf("logged %s, want %s", log.String(), want)
	}
	time.Sleep(4 * v.retry)
	other.Close()
	wait(t, "it does not listen", func() bool { return strings.Contains(log.String(), address+": listens now") })
	if status, _ := get(t, address, "/healthz"); status != 200 {
		t.Errorf("status %d", status)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, log.String())
	}
}

func TestSocket(t *testing.T) {
	e := open(t, "http://127.0.0.1:9")
	dir := t.TempDir()

	// A process that was killed has left its socket.
	left := filepath.Join(dir, "left")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: left})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	serve(t, "unix:"+left, "filter:misp.0", e)
	if status, _ := get(t, "unix:"+left, "/healthz"); status != 200 {
		t.Errorf("status %d", status)
	}
	if info, err := os.Stat(left); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	for name, prepare := range map[string]func(path string) error{
		"there is a file of that name, which is no socket": func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"address already in use": func(path string) error {
			l, err := net.Listen("unix", path)
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		},
	} {
		path := filepath.Join(dir, name[:7])
		if err := prepare(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.Lstat(path)
		var log logBook
		stop := Serve("unix:"+path, Section{Name: "filter:misp.0", Engine: e, Panics: none}, log.logger())
		if want := "metrics_listen unix:" + path + ": " + name; !strings.Contains(log.String(), want) {
			t.Errorf("logged %s, want %s", log.String(), want)
		}
		stop()
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: the file is gone: %v", name, err)
		}
	}
}

// TestSameName gives sections whose aliases look the same names of their own.
func TestSameName(t *testing.T) {
	address := freeAddress(t)
	for _, name := range []string{"filter:alias", "filter:alias", "filter:alias", "filter:b\xfcro", "filter:b\xf6ro"} {
		serve(t, address, name, open(t, "http://127.0.0.1:9"))
	}
	_, body := get(t, address, "/metrics")
	contains(t, body,
		`fluentbit_misp_late_hits_total{section="filter:alias"} 0`,
		`fluentbit_misp_late_hits_total{section="filter:alias#2"} 0`,
		`fluentbit_misp_late_hits_total{section="filter:alias#3"} 0`,
		`fluentbit_misp_late_hits_total{section="filter:b�ro"} 0`,
		`fluentbit_misp_late_hits_total{section="filter:b�ro#2"} 0`)
}

// TestPanic has what a section counts panic: the others are served, and nothing
// ends.
func TestPanic(t *testing.T) {
	var book logBook
	address := freeAddress(t)
	defer Serve(address, Section{Name: "filter:misp.0", Engine: open(t, "http://127.0.0.1:9"), Panics: none}, book.logger())()
	defect := func() uint64 { panic("a defect") }
	defer Serve(address, Section{Name: "filter:misp.1", Engine: open(t, "http://127.0.0.1:9"), Panics: defect}, book.logger())()
	for range 3 {
		status, body := get(t, address, "/metrics")
		if status != 200 {
			t.Errorf("status %d", status)
		}
		contains(t, body, `fluentbit_misp_late_hits_total{section="filter:misp.0"} 0`)
		if status, body := get(t, address, "/healthz"); status != 200 || !strings.Contains(body, "ready") {
			t.Errorf("status %d: %s", status, body)
		}
	}
	_, body := get(t, address, "/metrics")
	contains(t, body, `fluentbit_misp_panics_total{section="filter:misp.0"} 7`)
	if n := strings.Count(book.String(), "panic over what filter:misp.1 counts: a defect"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, book.String())
	}
}
