//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// Whatever becomes of MISP, every alert passes soon after max_wait, and says why
// it could not be looked up; the log says what to do once that is known.
func TestMISPIsAway(t *testing.T) {
	const maxWait, timeout = 500 * time.Millisecond, 2 * time.Second
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
			if d := time.Since(written); d > maxWait+10*time.Second {
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
			var messages int
			for deadline := time.Now().Add(2*timeout + 5*time.Second); ; time.Sleep(100 * time.Millisecond) {
				if messages = strings.Count(run.Log(), "[filter:misp:misp.0]") - strings.Count(run.Log(), "[filter:misp:misp.0] fluent-bit-misp version "); messages > 0 || time.Now().After(deadline) {
					break
				}
			}
			if messages == 0 || messages > 3 || !strings.Contains(run.Log(), test.advice) {
				t.Errorf("%d messages in the log, want a few, with %q:\n%s", messages, test.advice, run.Log())
			}
		})
	}
}

// What MISP could not be asked about is asked again when it is back, also by
// another Fluent Bit after the first was killed, and follows as a late hit.
func TestLateHits(t *testing.T) {
	t.Parallel()
	misp, url := serve(t, database())
	misp.Fault(misptest.Status(500))
	site := newSite(t, url)
	site.Options = []string{"cache_error_ttl 1s"}
	first := start(t, site)
	w := newWriter(t, site)
	w.gen.Share = 0.5
	w.write(200)
	w.flush()
	first.await(200, 30*time.Second)
	first.kill()

	misp.Fault(nil)
	second := start(t, site)
	missing := map[string]bool{}
	for _, a := range w.alerts {
		if a.Value != "" {
			missing[a.ID] = true
		}
	}
	listed := len(missing)
	w.gen.Share = 0
	for deadline := time.Now().Add(time.Minute); len(missing) > 0 && time.Now().Before(deadline); {
		w.write(1) // late hits go out with alerts that pass
		w.flush()
		time.Sleep(500 * time.Millisecond)
		for _, line := range second.await(1, time.Second) {
			var r struct {
				ID      string
				Verdict string `json:"misp_verdict"`
			}
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if r.Verdict == "late_hit" || r.Verdict == "hit" {
				delete(missing, r.ID)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("of %d alerts that MISP knows something of, %d never became hits", listed, len(missing))
	}
}
