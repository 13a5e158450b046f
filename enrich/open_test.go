package enrich

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is unwise is said at every start.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o640: 1, 0o604: 1} {
		key := filepath.Join(dir, fmt.Sprintf("key-%o", mode))
		if err := os.WriteFile(key, []byte("secret-word"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		e, err := Open(stanza("url", "https://127.0.0.1:1", "api_key_file", key, "tls.verify", "off"), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		if n := strings.Count(log.String(), "others than its owner may read it"); n != want {
			t.Errorf("mode %o: %d warnings of the key, want %d: %s", mode, n, want, &log)
		}
		if n := strings.Count(log.String(), "tls.verify is off"); n != 1 {
			t.Errorf("%d warnings of tls.verify, want 1: %s", n, &log)
		}
		if strings.Contains(log.String(), "secret-word") {
			t.Errorf("a secret is shown: %s", &log)
		}
	}
}

// Fluent Bit starts nothing before a section is open: a file that never ends must not keep it.
func TestFilesThatDoNotEnd(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string]string{fifo: fifo + ":1:1: the file is empty", "/dev/zero": `rules "/dev/zero": it has more than 16 MB`} {
		done := make(chan error, 1)
		go func() {
			_, err := Open(stanza("url", "https://127.0.0.1:1", "api_key_file", name, "rules", name, "tls.ca_file", name,
				"tls.crt_file", name, "tls.key_file", name), nil)
			done <- err
		}()
		select {
		case err := <-done:
			for _, option := range []string{"api_key_file ", rules, "tls.ca_file ", "tls.crt_file "} {
				if err == nil || !strings.Contains(err.Error(), option) {
					t.Errorf("%s: no %q in: %v", name, option, err)
				}
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: Open has not ended in 5 s", name)
		}
	}
}
