//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// Whatever becomes of MISP, every alert passes soon after the timeout, and says
// why it could not be looked up.
func TestMISPIsAway(t *testing.T) {
	const timeout = 2 * time.Second
	for _, test := range []struct {
		name   string
		fault  misptest.Fault
		reason string
		advice string // what the log says to do
	}{
		{"silent", misptest.Silent, "timeout", "raise timeout"},
		{"wrong key", misptest.Status(403), "forbidden", "api_key"},
		{"broken", misptest.Status(500), "server_error", "MISP"},
		{"login page", misptest.LoginRedirect, "bad_answer", "MISP"},
		{"half an answer", misptest.CutOff, "bad_answer", "MISP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			misp, url := serve(t, database())
			misp.Fault(test.fault)
			site := newSite(t, url)
			site.Options = []string{fmt.Sprintf("timeout %v", timeout)}
			run := start(t, site)
			w := newWriter(t, site)
			w.write(200)
			w.flush()
			written := time.Now()
			lines := run.await(200, 30*time.Second)
			// Found within 5 s, read within 2.5, delivered within 1.
			if d := time.Since(written); d > timeout+10*time.Second {
				t.Errorf("the alerts came out after %v", d)
			}
			unknown := 0
			for _, line := range lines {
				switch {
				case bytes.Contains(line, []byte(`"misp_verdict":"unknown","misp_error":"`+test.reason+`"`)):
					unknown++
				case bytes.Contains(line, []byte("misp_")):
					t.Errorf("want misp_error %s in %s", test.reason, line)
				}
			}
			if unknown < 150 {
				t.Errorf("%d records of 200 say that they are unknown", unknown)
			}
			messages := 0
			for line := range strings.Lines(run.Log()) {
				if strings.Contains(line, "[filter:misp:misp.0]") {
					messages++
				}
			}
			if messages == 0 || messages > 3 || !strings.Contains(run.Log(), test.advice) {
				t.Errorf("%d messages in the log, want a few, with %q:\n%s", messages, test.advice, run.Log())
			}
		})
	}
}
