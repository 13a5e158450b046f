package misp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
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
				`"to_ids":1,"published":1,"order":["Attribute.id desc"],"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
		},
		{
			name:   "neither for detection nor published",
			ask:    []string{"sha256 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"},
			change: func(cfg *Config) { cfg.ToIDs, cfg.Published = No, No },
			body: `{"returnFormat":"json","value":{"OR":["275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"]},` +
				`"type":["sha256","filename|sha256"],` +
				`"to_ids":0,"published":0,"order":["Attribute.id desc"],"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
		},
		{
			name:   "unfiltered, with signs that HTML would escape",
			ask:    []string{"url http://evil.example.com/?a=<1>&b='2'"},
			change: func(cfg *Config) { cfg.ToIDs, cfg.Published = Any, Any },
			body: `{"returnFormat":"json","value":{"OR":["http://evil.example.com/?a=<1>&b='2'"]},` +
				`"type":["url","uri","link"],` +
				`"order":["Attribute.id desc"],"limit":1000,"page":1,"includeContext":1,"includeEventTags":1}`,
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

// pagedMISP has attributes of some values, so many of each, and answers by
// value, limit and page.
func pagedMISP(t *testing.T, total int, values ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body restSearch
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		var page []string
		asked := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !slices.Contains(body.Value.OR, v) })
		for i := (body.Page - 1) * body.Limit; i < min(body.Page*body.Limit, total*len(asked)); i++ {
			page = append(page, fmt.Sprintf(`{"id":%d,"type":"ip-src","value":%q,"timestamp":%d}`, i+1, asked[i/total], i))
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
		partial  bool
	}{
		{0, 1, 0, false},
		{9, 1, 9, false},
		{10, 2, 10, false},
		{25, 3, 25, false},
		{39, 4, 39, false},
		{40, 5, 40, true}, // there may be more; the other value is asked for alone
		{99, 5, 40, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.total), func(t *testing.T) {
			c := newTestClient(t, pagedMISP(t, tt.total, "203.0.113.7"))
			c.pageRows, c.maxPages = 10, 4
			got := lookup(c, indicators(t, "ip 203.0.113.7", "ip 203.0.113.8"))
			hit := got[0].Hit
			if hit == nil {
				hit = &Hit{}
			}
			if hit.Total != tt.found || hit.Partial != tt.partial || got[1] != (Answer{Verdict: Clean}) {
				t.Errorf("%d found, partial %v; want %d, %v; the other %+v", hit.Total, hit.Partial, tt.found, tt.partial, got[1])
			}
			if n := c.Stats().Requests; n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
		})
	}
}

// TestValuesInVeryManyAttributes: they do not hide what MISP knows of others,
// unless there are too many of them.
func TestValuesInVeryManyAttributes(t *testing.T) {
	many := []string{"203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"}
	for n := range len(many) + 1 {
		book := &logBook{}
		c := newTestClient(t, pagedMISP(t, 100, many[:n]...), func(cfg *Config) { cfg.Log = book.logger() })
		c.pageRows, c.maxPages = 10, 4
		asked := indicators(t, "ip "+many[0], "ip "+many[1], "ip "+many[2], "ip "+many[3], "ip 203.0.113.8")
		for i, a := range lookup(c, asked) {
			want := Answer{Verdict: Clean}
			if i < n {
				want = Answer{Verdict: Known}
			}
			if n >= maxRounds && i >= maxRounds {
				want = Answer{Reason: BadAnswer}
			}
			if a.Hit != nil && !a.Hit.Partial {
				t.Errorf("%d values in many attributes: %v is not partial", n, asked[i])
			}
			if a.Hit = nil; a != want {
				t.Errorf("%d values in many attributes: %v is %+v, want %+v", n, asked[i], a, want)
			}
		}
		lookup(c, asked)
		want, failed := "", uint64(0) // failures of both look-ups, one line
		if n >= maxRounds {
			want = "level=WARN msg=\"MISP at " + c.cfg.URL + ": it has more attributes than are read, so that the verdict on 2 of 5 values stays unknown: lower batch_size\"\n"
			failed = 2
		}
		if got := book.take(); got != want || c.Stats().Errors[BadAnswer] != failed {
			t.Errorf("%d values in many attributes: logged %swant %s%d failures", n, got, want, c.Stats().Errors[BadAnswer])
		}
		if c.Away() {
			t.Error("MISP is left alone, though it answers")
		}
	}
}

// TestUnaskedAttributes: a few may be there because of how MISP compares; more
// of them, and none that was asked for, are the answer to something else.
func TestUnaskedAttributes(t *testing.T) {
	other := slices.Repeat([]string{"ip-src 198.51.100.7"}, manyRows)
	for _, tt := range []struct {
		rows []string
		want Answer
	}{
		{other[:manyRows-1], Answer{Verdict: Clean}},
		{other, Answer{Reason: BadAnswer}},
		{append(other, "ip-src 203.0.113.8"), Answer{Verdict: Clean}},
	} {
		c := newTestClient(t, answer(rows(tt.rows...)))
		if got := lookup(c, indicators(t, "ip 203.0.113.7", "ip 203.0.113.8"))[0]; got != tt.want {
			t.Errorf("%d attributes: got %+v, want %+v", len(tt.rows), got, tt.want)
		}
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
