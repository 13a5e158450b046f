package misp_test

import (
	"net/http"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
)

func TestServerStats(t *testing.T) {
	server, client, _ := open(t)
	ask := func(values ...string) {
		t.Helper()
		var asked []ioc.Indicator
		for _, value := range values {
			asked = append(asked, indicator(t, ioc.IP, value))
		}
		client.Lookup(t.Context(), asked, make([]misp.Answer, len(asked)))
	}
	ask("198.51.100.23")
	ask("198.51.100.23", "198.51.100.24", "198.51.100.25")
	s := client.Stats().Servers[0]
	if s.Requests[misp.OutcomeOK] != 2 || s.Held != nil {
		t.Errorf("after two answers: %+v", s)
	}
	if v := s.Values; v.Counts[0] != 1 || v.Counts[2] != 1 || v.Sum != 4 {
		t.Errorf("a request for 1 value and one for 3: %+v", v)
	}
	if d := s.Seconds; d.Sum <= 0 || d.Sum > 5 {
		t.Errorf("two requests took %+v", d)
	}

	server.Fault(misptest.Status(http.StatusForbidden))
	ask("198.51.100.23")
	ask("198.51.100.23")
	s = client.Stats().Servers[0]
	if s.Requests[string(misp.Forbidden)] != 1 || s.Held == nil || s.Held.Reason != misp.Forbidden || time.Since(s.Since) > time.Minute {
		t.Errorf("after a refusal: %+v", s)
	}
}

func TestServerStatsOfGivenUp(t *testing.T) {
	server, client, cache := open(t)
	server.Fault(misptest.Silent)
	go cache.Lookup(t.Context(), []ioc.Indicator{indicator(t, ioc.IP, "198.51.100.23")}, make([]misp.Answer, 1))
	for server.Counts().Requests == 0 {
		time.Sleep(time.Millisecond)
	}
	cache.Close()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s := client.Stats().Servers[0]; s.Requests[misp.OutcomeGivenUp] == 1 && s.Held == nil {
			return
		}
	}
	t.Errorf("%+v", client.Stats().Servers[0])
}

func TestServerStatsOfRateLimit(t *testing.T) {
	server, client, _ := open(t)
	server.Fault(misptest.RateLimited(time.Minute))
	client.Lookup(t.Context(), []ioc.Indicator{indicator(t, ioc.IP, "198.51.100.23")}, make([]misp.Answer, 1))
	if s := client.Stats().Servers[0]; s.Held == nil || s.Held.Reason != misp.RateLimited {
		t.Errorf("%+v", s)
	}
}
