//go:build e2e

package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
)

// key is the one that the tests' MISP knows, and that must appear nowhere.
const key = "e2eKeyOfNobodyThatMustNotLeak0123456789a"

// serve starts a MISP and returns it with its address.
func serve(t *testing.T, db *misptest.Database) (*misptest.Server, string) {
	misp := misptest.New(db, misptest.WithKeys(misptest.Key{Key: key, Role: misptest.User}))
	return misp, misp.Start(t)
}

// binary returns the Fluent Bit to test and the first number of its version.
func binary(t *testing.T) (path string, major int) {
	path, err := fluentbit.Find()
	if err != nil {
		t.Fatal(err)
	}
	_, major, err = fluentbit.Version(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, major
}

// A run is a Fluent Bit at work in a site.
type run struct {
	*fluentbit.Process
	t      *testing.T
	site   fluentbit.Site
	killed bool
}

// start installs the site, if it is not yet, and starts Fluent Bit there. At
// the end of the test it is stopped, and its files are searched for the key.
func start(t *testing.T, site fluentbit.Site) *run {
	t.Helper()
	if _, err := os.Stat(site.Config()); err != nil {
		if err := site.Install(); err != nil {
			t.Fatal(err)
		}
	}
	path, _ := binary(t)
	p, err := fluentbit.Start(path, "-c", site.Config())
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Process: p, t: t, site: site}
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("the log of Fluent Bit:\n%s", r.Log())
		}
		searchForKey(t, site, r.Log())
	})
	return r
}

// newSite returns a site in a directory of the test's own.
func newSite(t *testing.T, url string) fluentbit.Site {
	return fluentbit.Site{Dir: t.TempDir(), URL: url, Key: key}
}

// kill ends Fluent Bit by kill -9.
func (r *run) kill() {
	r.Kill()
	r.killed = true
}

// stop ends Fluent Bit, and fails the test if that is not orderly.
func (r *run) stop() {
	r.t.Helper()
	if r.killed {
		return
	}
	if err := r.Stop(); err != nil {
		r.t.Errorf("stopping Fluent Bit: %v", err)
	}
}

func (r *run) reload() {
	r.t.Helper()
	if err := r.Reload(); err != nil {
		r.t.Error(err)
	}
}

// await returns the lines of the output, once there are n.
func (r *run) await(n int, atMost time.Duration) [][]byte {
	r.t.Helper()
	deadline := time.Now().Add(atMost)
	for {
		// Reading while it is being written is safe: a line counts with its end.
		text, _ := os.ReadFile(r.site.Output())
		if count := bytes.Count(text, []byte("\n")); count >= n {
			return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
		} else if time.Now().After(deadline) {
			r.t.Fatalf("%d of %d records came out within %v; the log of Fluent Bit:\n%s", count, n, atMost, r.Log())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// searchForKey fails the test if the API key is in the log, in a record, or in
// anything that Fluent Bit keeps.
func searchForKey(t *testing.T, site fluentbit.Site, log string) {
	if strings.Contains(log, key) {
		t.Error("the API key is in the log")
	}
	err := filepath.WalkDir(site.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || entry.Name() == "misp.key" {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(key)) {
			t.Errorf("the API key is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
