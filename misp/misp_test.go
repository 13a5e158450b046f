package misp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
)

// open returns a MISP with the sample events, and the client and cache that
// ask it.
func open(t *testing.T, change ...func(*misp.Config)) (*misptest.Server, *misp.Client, *misp.Cache) {
	t.Helper()
	server := misptest.New(misptest.Sample())
	cfg := misp.Config{URL: server.Start(t), APIKey: misp.NewSecret(misptest.UserKey)}
	for _, f := range change {
		f(&cfg)
	}
	client, err := misp.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	cache := misp.NewCache(client, misp.CacheConfig{})
	t.Cleanup(cache.Close)
	return server, client, cache
}

func indicator(t *testing.T, kind ioc.Kind, value string) ioc.Indicator {
	t.Helper()
	i, reason := ioc.Normalize(kind, value)
	if reason != ioc.OK {
		t.Fatalf("%v %s: %v", kind, value, reason)
	}
	return i
}

func TestWhatMISPKnows(t *testing.T) {
	server, _, cache := open(t)
	tests := []struct {
		kind  ioc.Kind
		value string
		want  string // type of the attribute, and what tells it from others
	}{
		{ioc.SHA256, "275A021BBFB6489E54D471899F7DB9D1663FC695EC2FE2A2C4538AABF651FD0F", "sha256 of EICAR test file found on endpoints [tlp:clear type:osint]"},
		{ioc.SHA256, "5f4dcc3b5aa765d61d8327deb882cf99c9f0f895fb98ab9159f51fd0297e236d", `filename|sha256 of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.Domain, "evil-updates.example.com.", `domain of Loader campaign with command and control over DNS and HTTP [kill-chain:Command and Control tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.Domain, "loader.example.org", `domain|ip of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.IP, "203.0.113.67", `domain|ip of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.IP, "[2001:DB8::BAD]:443", `ip-dst of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.IP, "198.51.100.23", "ip-src of SSH brute force sources [tlp:green]"},
		{ioc.URL, "HTTP://evil-updates.EXAMPLE.com/gate/payload.bin", `url of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.Email, "Billing@evil-updates.example.com", `email-src of Loader campaign with command and control over DNS and HTTP [tlp:amber misp-galaxy:threat-actor="Demo Bear"]`},
		{ioc.IP, "192.0.2.200", ""},                  // not for detection
		{ioc.Domain, "login-portal.example.net", ""}, // not published
		{ioc.Domain, "example.com", ""},              // the parent of one
		{ioc.MD5, "d41d8cd98f00b204e9800998ecf8427e", ""},
	}
	asked := make([]ioc.Indicator, len(tests))
	for i, tt := range tests {
		asked[i] = indicator(t, tt.kind, tt.value)
	}
	for range 2 { // from MISP, then from the cache
		answers := make([]misp.Answer, len(asked))
		cache.Lookup(t.Context(), asked, answers)
		for i, tt := range tests {
			got := ""
			if hit := answers[i].Hit; hit != nil {
				a := hit.Attributes[0]
				got = fmt.Sprintf("%s of %s %v", a.Type, a.Event.Info, a.Tags)
				if hit.Total != 1 || a.UUID == "" || a.Event.UUID == "" || a.Event.Org == "" || !a.Event.Published || a.Event.Date == "" ||
					!strings.HasSuffix(a.Event.URL, fmt.Sprintf("/events/view/%d", a.EventID)) {
					t.Errorf("%v: %+v", asked[i], hit)
				}
			}
			if got != tt.want || answers[i].Verdict == misp.Unknown {
				t.Errorf("%v is %v: %s\nwant %s", asked[i], answers[i].Verdict, got, tt.want)
			}
		}
	}
	if n := server.Counts().Requests; n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestTenThousandValues(t *testing.T) {
	server, client, cache := open(t)
	server.Fault(misptest.Latency(65 * time.Millisecond))
	asked := make([]ioc.Indicator, 10_000)
	for i := range asked {
		asked[i] = indicator(t, ioc.Domain, fmt.Sprintf("host-%d.example.com", i))
	}
	answers := make([]misp.Answer, len(asked))
	start := time.Now()
	cache.Lookup(t.Context(), asked, answers)
	t.Logf("%d requests in %v", server.Counts().Requests, time.Since(start))
	for i, a := range answers {
		if a.Verdict != misp.Clean {
			t.Fatalf("%v is %+v", asked[i], a)
		}
	}
	if n := server.Counts().Requests; n > 40 {
		t.Errorf("%d requests", n)
	}
	cache.Lookup(t.Context(), asked, answers)
	if got := client.Stats(); got.Requests != 20 || got.Values != 10_000 {
		t.Errorf("the second time: %+v", got)
	}
}

func TestFaults(t *testing.T) {
	known, clean := misp.Answer{Verdict: misp.Known}, misp.Answer{Verdict: misp.Clean}
	unknown := func(r misp.Reason) [2]misp.Answer { return [2]misp.Answer{{Reason: r}, {Reason: r}} }
	tests := []struct {
		name  string
		fault misptest.Fault
		want  [2]misp.Answer // of a listed and of another value
	}{
		{"none", nil, [2]misp.Answer{known, clean}},
		{"403", misptest.Status(http.StatusForbidden), unknown(misp.Forbidden)},
		{"404", misptest.Status(http.StatusNotFound), unknown(misp.BadAnswer)},
		{"429", misptest.RateLimited(time.Minute), unknown(misp.RateLimited)},
		{"429 without headers", misptest.Status(http.StatusTooManyRequests), unknown(misp.RateLimited)},
		{"500", misptest.Status(http.StatusInternalServerError), unknown(misp.ServerError)},
		{"502", misptest.Status(http.StatusBadGateway), unknown(misp.ServerError)},
		{"login", misptest.LoginRedirect, unknown(misp.BadAnswer)},
		{"silent", misptest.Silent, unknown(misp.Timeout)},
		{"drip", misptest.Drip(5 * time.Millisecond), unknown(misp.Timeout)},
		{"reset", misptest.Reset, unknown(misp.Unreachable)},
		{"cut off", misptest.CutOff, unknown(misp.BadAnswer)},
		{"shape", misptest.WrongShape, unknown(misp.BadAnswer)},
		{"types", misptest.WrongTypes, unknown(misp.BadAnswer)},
		{"nesting", misptest.DeepNesting(1_000_000), unknown(misp.BadAnswer)},
		{"1 GB", misptest.Huge(1 << 30), unknown(misp.BadAnswer)},
		{"1 GB, zipped", misptest.GzipBomb(1 << 30), unknown(misp.BadAnswer)},
		{"two values in each attribute", misptest.DuplicateKeys, [2]misp.Answer{known, clean}},
		{"more than was asked for", misptest.Unasked("203.0.113.66", "203.0.113.5"), [2]misp.Answer{known, clean}},
		{"all of a small database", misptest.WholeDatabase, [2]misp.Answer{known, clean}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			later := time.Duration(0)
			server, _, cache := open(t, func(cfg *misp.Config) {
				cfg.Timeout = time.Second
				cfg.Now = func() time.Time { return time.Now().Add(later) }
			})
			server.Fault(tt.fault)
			asked := []ioc.Indicator{indicator(t, ioc.IP, "198.51.100.23"), indicator(t, ioc.IP, "198.51.100.24")}
			answers := make([]misp.Answer, 2)
			start := time.Now()
			cache.Lookup(context.Background(), asked, answers)
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
			for i := range answers {
				answers[i].Hit = nil
			}
			if [2]misp.Answer(answers) != tt.want {
				t.Errorf("got %+v, want %+v", answers, tt.want)
			}
			server.Fault(nil)
			cache.PurgeAll()
			later = 15 * time.Minute
			cache.Lookup(context.Background(), asked, answers)
			if answers[0].Verdict != misp.Known || answers[1].Verdict != misp.Clean {
				t.Errorf("when it is over: %+v", answers)
			}
		})
	}
}
