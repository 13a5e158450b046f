package misp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"fluent-bit-misp/misp/ioc"
)

func TestRequest(t *testing.T) {
	tests := []struct {
		name   string
		ask    []string
		change func(*Config)
		body   string
	}{
		{
			name: "addresses and a domain, each value once",
			ask:  []string{"ip 203.0.113.7", "domain evil.example.com", "ip 203.0.113.7"},
			body: `{"returnFormat":"json","value":{"OR":["203.0.113.7","evil.example.com"]},` +
				`"type":["ip-src","ip-dst","ip-src|port","ip-dst|port","domain|ip","domain","hostname","hostname|port","onion-address"],` +
				`"to_ids":1,"published":1,"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
		},
		{
			name:   "neither for detection nor published",
			ask:    []string{"sha256 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"},
			change: func(cfg *Config) { cfg.ToIDs, cfg.Published = No, No },
			body: `{"returnFormat":"json","value":{"OR":["275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"]},` +
				`"type":["sha256","filename|sha256"],` +
				`"to_ids":0,"published":0,"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
		},
		{
			name:   "unfiltered, with signs that HTML would escape",
			ask:    []string{"url http://evil.example.com/?a=<1>&b='2'"},
			change: func(cfg *Config) { cfg.ToIDs, cfg.Published = Any, Any },
			body: `{"returnFormat":"json","value":{"OR":["http://evil.example.com/?a=<1>&b='2'"]},` +
				`"type":["url","uri","link"],` +
				`"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got, path string
			var header http.Header
			change := tt.change
			if change == nil {
				change = func(*Config) {}
			}
			c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got, path, header = string(body), r.Method+" "+r.URL.String(), r.Header
				answer(rows())(w, r)
			}, change)
			for i, a := range lookup(c, indicators(t, tt.ask...)) {
				if a != (Answer{Verdict: Clean}) {
					t.Errorf("%s: %+v", tt.ask[i], a)
				}
			}
			if got != tt.body {
				t.Errorf("got  %s\nwant %s", got, tt.body)
			}
			if path != "POST /attributes/restSearch" {
				t.Errorf("got %s", path)
			}
			for name, want := range map[string]string{
				"Authorization": testKey, "Accept": "application/json", "Content-Type": "application/json", "Idempotency-Key": "",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// TestNothingIsNotAsked matters because MISP takes an empty search for one
// without a filter.
func TestNothingIsNotAsked(t *testing.T) {
	c := newTestClient(t, func(http.ResponseWriter, *http.Request) { t.Error("MISP was asked") })
	lookup(c, nil)
	for _, a := range lookup(c, make([]ioc.Indicator, 3)) {
		if a != (Answer{}) {
			t.Errorf("a zero indicator is %+v", a)
		}
	}
}

// pagedMISP has attributes of one value and answers by limit and page.
func pagedMISP(t *testing.T, total int, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body restSearch
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		var page []string
		for i := (body.Page - 1) * body.Limit; i < min(body.Page*body.Limit, total); i++ {
			page = append(page, fmt.Sprintf(`{"id":%d,"type":"ip-src","value":%q,"timestamp":%d}`, i+1, value, i))
		}
		w.Header().Set("X-Result-Count", "1")
		fmt.Fprintf(w, `{"response":{"Attribute":[%s]}}`, strings.Join(page, ","))
	}
}

func TestPages(t *testing.T) {
	tests := []struct {
		total    int
		requests uint64
		found    int
		clean    Answer // of a value that MISP does not have
	}{
		{0, 1, 0, Answer{Verdict: Clean}},
		{9, 1, 9, Answer{Verdict: Clean}},
		{10, 2, 10, Answer{Verdict: Clean}},
		{25, 3, 25, Answer{Verdict: Clean}},
		{39, 4, 39, Answer{Verdict: Clean}},
		{40, 4, 40, Answer{Reason: BadAnswer}}, // there may be more
		{99, 4, 40, Answer{Reason: BadAnswer}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.total), func(t *testing.T) {
			c := newTestClient(t, pagedMISP(t, tt.total, "203.0.113.7"))
			c.pageRows, c.maxPages = 10, 4
			got := lookup(c, indicators(t, "ip 203.0.113.7", "ip 203.0.113.8"))
			found := 0
			if got[0].Hit != nil {
				found = got[0].Hit.Total
			}
			if found != tt.found || got[1] != tt.clean {
				t.Errorf("%d found, want %d; the other %+v, want %+v", found, tt.found, got[1], tt.clean)
			}
			if n := c.Stats().Requests; n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
		})
	}
}

func TestConnectionIsKept(t *testing.T) {
	var mu sync.Mutex
	from := map[string]bool{}
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from[r.RemoteAddr] = true
		mu.Unlock()
		answer(rows("ip-src 203.0.113.7"))(w, r)
	})
	for range 10 {
		lookup(c, indicators(t, "ip 203.0.113.7"))
	}
	if len(from) != 1 {
		t.Errorf("%d connections", len(from))
	}
}

// TestServerClosesIdleConnection: web servers close connections after some
// seconds without a request, and that must cost no look-up.
func TestServerClosesIdleConnection(t *testing.T) {
	server := httptest.NewServer(answer(rows()))
	defer server.Close()
	c, err := NewClient(Config{URL: server.URL, APIKey: NewSecret(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 50 {
		if a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; a.Verdict != Clean {
			t.Fatalf("got %+v", a)
		}
		server.CloseClientConnections()
	}
}
