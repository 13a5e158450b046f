package misp

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fluent-bit-misp/misp/ioc"
)

// A stub answers requests without a connection.
type stub func(*http.Request) (*http.Response, error)

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// FuzzAnswer has MISP answer anything: nothing of it ends the program, is taken
// for an answer about another value, makes a value clean that is not in a whole
// answer, writes a line of its own into the log, or shows the key there.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/json", "Content-Length", "5", rows("ip-src 203.0.113.7", "domain evil.example.com"))
	f.Add(200, "text/html", "", "", "<title>Log in</title>")
	f.Add(429, "application/json", "X-Rate-Limit-Reset", "99999999999", `{"name":"Rate limit exceeded."}`)
	f.Add(200, "application/json", "X-Rate-Limit-Remaining", "0", `{"response":[]}`)
	f.Add(302, "text/html", "Location", "http://[::1%25]/users/login?"+testKey, "")
	f.Add(403, "application/json", "", "", `{"message":"`+testKey+"\n"+`level=INFO"}`)
	f.Fuzz(func(t *testing.T, code int, media, name, value, body string) {
		if code < 200 || code > 999 {
			return // net/http gives no others
		}
		book := &logBook{}
		now := newClock()
		c, err := NewClient(Config{URL: "https://misp.example", APIKey: NewSecret(testKey), Log: book.logger(), Now: now.now})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.http.Transport = stub(func(r *http.Request) (*http.Response, error) {
			header := http.Header{"Content-Type": {media}}
			header.Set(name, value)
			return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
		ask := indicators(t, "ip 203.0.113.7", "domain evil.example.com")
		answers := make([]Answer, len(ask))
		ctx, cancel := context.WithTimeout(t.Context(), firstBackoff/2) // no further tries
		defer cancel()
		c.Lookup(ctx, ask, answers)
		for i, a := range answers {
			switch a.Verdict {
			case Known:
				checkHit(t, ask[i], a.Hit)
			case Clean:
				all, err := decodeAll(body)
				unread := slices.ContainsFunc(all, func(a Attribute) bool { return a.Type == "" || a.Value == "" })
				if code != 200 || err != nil || unread {
					t.Errorf("%v is clean: status %d, %v, unread rows %v", ask[i], code, err, unread)
				}
			case Unknown:
				if a.Reason == "" {
					t.Errorf("%v is unknown without a reason", ask[i])
				}
			}
		}
		if n := c.Stats().Panics; n != 0 {
			t.Errorf("%d panics", n)
		}
		logged := book.take()
		if strings.Count(logged, "\n") > 1 || strings.Contains(logged, testKey) {
			t.Errorf("logged %s", logged)
		}
		now.add(longestRateLimit)
		if c.Away() {
			t.Error("MISP is left alone for longer than it can ask for")
		}
	})
}

// checkHit checks that the attributes of a hit hold the indicator.
func checkHit(t *testing.T, indicator ioc.Indicator, hit *Hit) {
	if hit.Total < len(hit.Attributes) || len(hit.Attributes) == 0 {
		t.Errorf("%v: %d attributes of %d", indicator, len(hit.Attributes), hit.Total)
	}
	for _, a := range hit.Attributes {
		if !holds(a.Value, indicator) {
			t.Errorf("%v is in %q", indicator, a.Value)
		}
	}
}
