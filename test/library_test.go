package test

import (
	"debug/elf"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The newest glibc that the plugin may need is that of RHEL 8; Debian 11 has a
// newer one.
const glibcMinor = 28

// The plugin loads where glibc is that old: whatever is built here asks for no
// newer version of a symbol, and for no library that is not there.
func TestOldestGlibc(t *testing.T) {
	if out, err := exec.Command("make", "-C", "..", "build/flb-filter_misp.so").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	library, err := elf.Open("../build/flb-filter_misp.so")
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	symbols, err := library.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	versioned := 0
	for _, s := range symbols {
		version, ok := strings.CutPrefix(s.Version, "GLIBC_2.")
		if !ok {
			continue
		}
		versioned++
		minor, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(minor); err != nil || n > glibcMinor {
			t.Errorf("%s needs %s: plugin/glibc.h may name an older version", s.Name, s.Version)
		}
	}
	if versioned == 0 {
		t.Error("no symbol has a version")
	}
	needed, err := library.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(needed, " "); got != "libpthread.so.0 libc.so.6" {
		t.Errorf("it needs %s", got)
	}
}
