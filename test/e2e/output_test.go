//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/test/fluentbit"
)

// A pair is a Fluent Bit that sends by the output, with the filter before it,
// and one that receives.
type pair struct {
	t                *testing.T
	site             fluentbit.Site
	address          string
	sender, receiver *fluentbit.Process
}

// On a busy machine an answer may take longer than alerts wait for it by default.
const sends = `
[SERVICE]
    Flush          1
    Grace          5
    Parsers_File   DIR/etc/misp.conf
    Plugins_File   DIR/etc/plugins.conf
    Hot_Reload     On
    scheduler.base 1
    scheduler.cap  2
    storage.path   DIR/state/sender
[INPUT]
    Name              tail
    Tag               wazuh.alerts
    Path              DIR/alerts/alerts.json
    Parser            wazuh
    DB                DIR/state/alerts.db
    Read_from_Head    On
    Refresh_Interval  1
    Buffer_Chunk_Size 256k
    Buffer_Max_Size   1M
    storage.type      filesystem
[FILTER]
    Name         misp
    Match        *
    url          URL
    api_key_file DIR/etc/misp.key
    max_wait     20s
    prefix       filter_
[OUTPUT]
    Name                misp
    Match               *
    url                 URL
    api_key_file        DIR/etc/misp.key
    max_wait            20s
    forward.targets     ADDRESS
    forward.shared_key  shared-by-both
    forward.compress    gzip
    forward.ack_timeout 5s
    workers             2
    Retry_Limit         no_limits
`

// With storage on disk, what it has acknowledged survives its end.
const receives = `
[SERVICE]
    Flush        0.2
    Grace        2
    storage.path DIR/state/receiver
[INPUT]
    Name          forward
    Listen        127.0.0.1
    Port          PORT
    Shared_Key    shared-by-both
    Self_Hostname receiver
    storage.type  filesystem
[OUTPUT]
    Name   file
    Match  *
    Path   DIR/out
    Mkdir  On
    File   alerts.json
    Format plain
`

// newPair installs both.
func newPair(t *testing.T, url string) *pair {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, site: newSite(t, url), address: free.Addr().String()}
	free.Close()
	if err := p.site.Install(); err != nil {
		t.Fatal(err)
	}
	root, err := fluentbit.Root()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(p.address)
	_, major := binary(t)
	for name, text := range map[string]string{
		"sender.conf":   sends,
		"receiver.conf": receives,
		"plugins.conf":  "[PLUGINS]\n    Path ROOT/build/out_misp.so\n    Path ROOT/build/flb-filter_misp.so\n",
	} {
		text = strings.NewReplacer("DIR", p.site.Dir, "URL", url, "ADDRESS", p.address, "PORT", port, "ROOT", root).Replace(text)
		if major < 3 { // its forward input has no shared key yet
			text = regexp.MustCompile(`(?mi)^ *(forward\.shared_key|shared_key|self_hostname) .*\n`).ReplaceAllString(text, "")
		}
		if err := os.WriteFile(filepath.Join(p.site.Dir, "etc", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, process := range []*fluentbit.Process{p.sender, p.receiver} {
			if process != nil {
				process.Kill()
				if t.Failed() {
					t.Logf("a log:\n%s", process.Log())
				}
			}
		}
	})
	return p
}

func (p *pair) start(config string) *fluentbit.Process {
	p.t.Helper()
	path, _ := binary(p.t)
	process, err := fluentbit.Start(path, "-c", filepath.Join(p.site.Dir, "etc", config))
	if err != nil {
		p.t.Fatal(err)
	}
	return process
}

// await waits until n different alerts have arrived, and returns all lines.
func (p *pair) await(n int) (lines [][]byte, different map[string][]byte) {
	p.t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		text, _ := os.ReadFile(p.site.Output())
		lines = bytes.Split(text[:bytes.LastIndexByte(text, '\n')+1], []byte("\n"))
		lines = lines[:len(lines)-1]
		different = map[string][]byte{}
		for _, line := range lines {
			var r struct{ ID string }
			if json.Unmarshal(line, &r) == nil {
				different[r.ID] = line
			}
		}
		if len(different) >= n {
			return lines, different
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%d of %d alerts arrived", len(different), n)
		}
	}
}

// The output sends to the forward input of another Fluent Bit, which is killed
// and started again in the middle, as the sender is reloaded: every alert
// arrives, with what MISP knows, and none twice but what was under way when the
// receiver was killed. The filter works in the same process.
func TestOutput(t *testing.T) {
	t.Parallel()
	_, url := serve(t, database())
	p := newPair(t, url)
	w := newWriter(t, p.site)
	p.receiver = p.start("receiver.conf")
	p.sender = p.start("sender.conf")

	w.write(1500)
	w.flush()
	lines, _ := p.await(1500)
	if len(lines) != 1500 {
		t.Errorf("%d lines for 1500 alerts", len(lines))
	}
	// Fluent Bit 2 keeps outputs written in Go from flushing while it reloads.
	if _, major := binary(t); major > 2 {
		for range 3 {
			if err := p.sender.Reload(); err != nil {
				t.Fatal(err)
			}
			w.write(500)
			w.flush()
			p.await(len(w.alerts))
		}
	}
	if lines, _ = p.await(len(w.alerts)); len(lines) != len(w.alerts) {
		t.Errorf("%d lines for %d alerts", len(lines), len(w.alerts))
	}
	quiet := len(w.alerts)

	w.write(1000)
	p.receiver.Kill()
	w.write(1000)
	w.flush()
	time.Sleep(3 * time.Second)
	p.receiver = p.start("receiver.conf")
	w.write(500)
	w.flush()
	lines, arrived := p.await(len(w.alerts))

	seen := map[string]int{}
	for _, line := range lines {
		var r struct{ ID string }
		_ = json.Unmarshal(line, &r)
		seen[r.ID]++
	}
	twice := 0
	for i, a := range w.alerts {
		record := arrived[a.ID]
		for _, prefix := range []string{"filter_", "misp_"} {
			hit := bytes.Contains(record, []byte(fmt.Sprintf("%q", prefix+"verdict")+`:"hit"`))
			if hit != (a.Value != "") {
				t.Errorf("%s %s carries %q, yet arrived as %s", a.Name, a.ID, a.Value, record)
			}
		}
		if seen[a.ID] > 1 {
			if twice++; i < quiet {
				t.Errorf("the alert %s arrived %d times, long after it was acknowledged", a.ID, seen[a.ID])
			}
		}
	}
	t.Logf("%d alerts, of which %d arrived twice", len(w.alerts), twice)
	if n := strings.Count(p.sender.Log(), "[output:misp:misp.0] forward to "+p.address); n != 2 {
		t.Errorf("%d lines about the receiver, want its end and its return", n)
	}
	if err := p.sender.Stop(); err != nil {
		t.Errorf("stopping the sender: %v", err)
	}
	for _, secret := range []string{key, "shared-by-both"} {
		if strings.Contains(p.sender.Log(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}
