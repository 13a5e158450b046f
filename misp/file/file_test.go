package file

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("plain"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("plain", at("link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("large"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(at("large"), largest+1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"closed", "silent"} {
		if err := syscall.Mkfifo(at(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writer, err := os.OpenFile(at("silent"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for _, tt := range []struct{ name, want, err string }{
		{at("plain"), "text", ""},
		{at("link"), "text", ""},
		{at("closed"), "", ""},
		{at("silent"), "", "has not closed it"},
		{at("large"), "", "more than 16 MB"},
		{"/dev/zero", "", "more than 16 MB"},
		{at("none"), "", "no such file"},
		{dir, "", "is a directory"},
	} {
		begin := time.Now()
		text, err := read(tt.name, 50*time.Millisecond)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%s: took %v", tt.name, took)
		}
		switch {
		case err == nil && (tt.err != "" || string(text) != tt.want):
			t.Errorf("%s: %.20q, want %q and the error %q", tt.name, text, tt.want, tt.err)
		case err != nil && (tt.err == "" || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), tt.name)):
			t.Errorf("%s: %v, want %q, without the name", tt.name, err, tt.err)
		}
	}
}

// A shell's <(command) is a pipe that is written to a little later.
func TestReadFromPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, _ = w.WriteString("a key\n")
		w.Close()
	}()
	text, err := Read(fmt.Sprintf("/dev/fd/%d", r.Fd()))
	if err != nil || string(text) != "a key\n" {
		t.Errorf("%q, %v", text, err)
	}
}
