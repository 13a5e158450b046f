package test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersion builds what git archive would make of this tree: without a .git,
// the commit is in version/commit.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	copyTree(t, "..", dir)
	build := func(target string, settings ...string) string {
		t.Helper()
		cmd := exec.Command("make", append(settings, "-s", "build/"+target)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return filepath.Join(dir, "build", target)
	}
	version := func() string {
		t.Helper()
		out, err := exec.Command(build("mispctl"), "version").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got, want := version(), "fluent-bit-misp version 0.1.0-dev.0.gunknown, commit unknown, go"; !strings.HasPrefix(got, want) {
		t.Errorf("nobody says which: %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "version", "commit"), []byte("abcd1234\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := version(), "fluent-bit-misp version 0.1.0-dev.0.gabcd1234, commit abcd1234, go"; !strings.HasPrefix(got, want) {
		t.Errorf("git archive says it: %s", got)
	}
	plugin, err := os.ReadFile(build("flb-filter_misp.so", "VERSION=9.8.7-said", "COMMIT=dcba4321"))
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"9.8.7-said", "dcba4321"} {
		if !bytes.Contains(plugin, []byte(said)) {
			t.Errorf("the plugin does not know %s", said)
		}
	}
}

// copyTree copies what is not built and not git's.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case name == ".git" || name == "build":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
