//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/test/fluentbit"
)

// Fluent Bit does not start with wrong options, and one message says all that
// is wrong.
func TestWrongOptionsAreRefused(t *testing.T) {
	t.Parallel()
	site := newSite(t, "misp.example.com")
	site.Options = []string{
		"timeout soon",
		"batch_size 0",
		"to_ids maybe",
		"ignore 10.0.0.0/33",
		"rules /nowhere/rules.yaml",
		"verdict some",
	}
	if err := site.Install(); err != nil {
		t.Fatal(err)
	}
	path, _ := binary(t)
	p, err := fluentbit.Start(path, "-c", site.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(20 * time.Second); err == nil {
		t.Error("Fluent Bit ended as if all were well")
	}
	var message string
	for line := range strings.Lines(p.Log()) {
		if strings.Contains(line, "[filter:misp:misp.0]") {
			message += line
		}
	}
	for _, mistake := range []string{"misp.example.com", "timeout", "batch_size", "to_ids", "10.0.0.0/33", "/nowhere/rules.yaml", "verdict"} {
		if !strings.Contains(message, mistake) {
			t.Errorf("the message does not mention %s:\n%s", mistake, message)
		}
	}
	if t.Failed() {
		t.Log(p.Log())
	}
	searchForKey(t, site, p.Log())
}

// In daemon mode, Go's threads are lost in a fork: the plugin says so, instead
// of hanging.
func TestDaemonModeIsRefused(t *testing.T) {
	t.Parallel()
	site := newSite(t, "http://127.0.0.1:9")
	if err := site.Install(); err != nil {
		t.Fatal(err)
	}
	path, _ := binary(t)
	log := filepath.Join(site.Dir, "log")

	// The daemon is not our child. It holds this pipe until it ends.
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(path, "-d", "-l", log, "-c", site.Config())
	cmd.ExtraFiles = []*os.File{write}
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	write.Close()
	if err := read.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(read); err != nil {
		t.Errorf("the daemon has not ended: %v", err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "daemon") {
		t.Errorf("the log does not tell why:\n%s", text)
	}
	searchForKey(t, site, "")
}

// The YAML example does what the classic one does.
func TestYAMLExample(t *testing.T) {
	t.Parallel()
	path, _ := binary(t)
	version, _, _ := fluentbit.Version(path)
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	if major < 3 || major == 3 && minor < 2 {
		t.Logf("Fluent Bit %s has no parsers and plugins in YAML", version)
		return
	}
	_, url := serve(t, database())
	site := newSite(t, url)
	site.YAML = true
	w := newWriter(t, site)
	w.gen.Share = 1
	w.write(300)
	w.flush()
	for id, record := range byID(t, start(t, site).await(300, 20*time.Second)) {
		for _, a := range w.alerts {
			if a.ID == id && a.Value != "" && !strings.Contains(string(record), `"misp_verdict":"hit"`) {
				t.Errorf("%s carries %s, yet came out as %s", a.Name, a.Value, record)
			}
		}
	}
}
