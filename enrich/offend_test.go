package enrich

import (
	"net/http"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"
)

// A URL that a firewall in front of MISP takes for an attack does not keep others from
// being looked up, and does not wait for ever.
func TestHostileURL(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "5s", "cache_error_ttl", "100ms")
	blocked := misptest.Answer(http.StatusForbidden, "text/html", "<html><title>Blocked</title></html>")
	server.Fault(misptest.At("union+select", blocked))
	hostile := `{"id":"1","data":{"url":"http://www.example.com/?q=union+select+1"}}`
	got, _ := enrich(e, chunk(t, hostile, `{"id":"2","data":{"srcip":"203.0.113.66"}}`))
	if !strings.HasSuffix(got[0], `"misp_verdict":"unknown","misp_error":"forbidden"}`) || !strings.Contains(got[1], `"misp_verdict":"hit"`) {
		t.Errorf("got %q", got)
	}
	if e.client.Away() {
		t.Error("MISP is left alone")
	}
	workedOff(t, e)
	got, _ = enrich(e, chunk(t, hostile))
	if !strings.HasSuffix(got[0], `"misp_verdict":"unknown","misp_error":"refused"}`) {
		t.Errorf("got %q", got)
	}
	if n := e.Stats().Pending.Waiting; n != 0 {
		t.Errorf("%d wait for MISP", n)
	}
}
