package misp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A fakeMISP answers by its handler, which a test may change, and counts.
type fakeMISP struct {
	*httptest.Server
	handler  atomic.Value // of http.HandlerFunc
	requests atomic.Int32
}

func newFakeMISP(t *testing.T, handler http.HandlerFunc) *fakeMISP {
	m := &fakeMISP{}
	m.handler.Store(handler)
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.Add(1)
		body, _ := io.ReadAll(r.Body) // so that the server sees when the client goes
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.handler.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

// knows answers that it knows an address, with its own number as the event.
func knows(address string, event int) http.HandlerFunc {
	return answer(fmt.Sprintf(`{"response":{"Attribute":[{"id":"1","event_id":"%d","type":"ip-src","value":%q}]}}`, event, address))
}

func newFailoverClient(t *testing.T, now func() time.Time, book *logBook, misps ...*fakeMISP) *Client {
	t.Helper()
	var urls []string
	for _, m := range misps {
		urls = append(urls, m.URL)
	}
	c, err := NewClient(Config{URL: strings.Join(urls, ", "), APIKey: NewSecret(testKey), Timeout: time.Second, Now: now, Log: book.logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestFailover(t *testing.T) {
	faults := map[string]struct {
		handler http.HandlerFunc
		tries   int32 // of the first MISP in three look-ups, until it is left alone; one shows that it is not the values
	}{
		"502":    {status(502, "text/html", ""), 4},
		"403":    {status(403, "application/json", keyRefused), 1},
		"429":    {status(429, "application/json", "{}"), 1},
		"a page": {status(200, "text/html", ""), 2},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { sleep(r) }, 1},
		"cut":    {status(200, "application/json", `{"response":{"Attribute":[{"id":"1","type":"ip-src","value":"203.0.113.7"},`), 4},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			clock, book := newClock(), &logBook{}
			first, second := newFakeMISP(t, fault.handler), newFakeMISP(t, knows("203.0.113.7", 2))
			c := newFailoverClient(t, clock.now, book, first, second)
			ask := indicators(t, "ip 203.0.113.7")
			check := func(from *fakeMISP, event int) {
				t.Helper()
				a := lookup(c, ask)[0]
				if a.Verdict != Known || a.Hit.Total != 1 || a.Hit.Attributes[0].Event.URL != fmt.Sprintf("%s/events/view/%d", from.URL, event) {
					t.Errorf("got %+v %+v", a, a.Hit)
				}
			}
			for range 4 {
				check(second, 2)
			}
			if n := first.requests.Load(); n != fault.tries {
				t.Errorf("the first was asked %d times, want %d", n, fault.tries)
			}
			if got := book.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, first.URL) {
				t.Errorf("logged %s", got)
			}
			if c.Away() {
				t.Error("away, though the second answers")
			}
			first.handler.Store(knows("203.0.113.7", 1))
			clock.add(20 * time.Minute)
			check(first, 1)
			if got := book.take(); got != "level=INFO msg=\"MISP at "+first.URL+" answers again after 20m0s\"\n" {
				t.Errorf("logged %s", got)
			}
		})
	}
}

// keyRefused is what MISP says to a key that it does not take.
const keyRefused = `{"name":"Authentication failed.","message":"Authentication failed.","url":"/attributes/restSearch"}`

func TestNoMISPAnswers(t *testing.T) {
	clock, book := newClock(), &logBook{}
	first, second := newFakeMISP(t, status(403, "application/json", keyRefused)), newFakeMISP(t, status(502, "text/html", ""))
	c := newFailoverClient(t, clock.now, book, first, second)
	ask := indicators(t, "ip 203.0.113.7")
	for range 3 {
		if a := lookup(c, ask)[0]; a != (Answer{Reason: Forbidden}) {
			t.Errorf("got %+v, want what the first says", a)
		}
	}
	if first.requests.Load() != 1 || second.requests.Load() != 4 || !c.Away() {
		t.Errorf("asked %d and %d times, away %v", first.requests.Load(), second.requests.Load(), c.Away())
	}
	clock.add(time.Second)
	if c.Away() {
		t.Error("away, though the second may be probed")
	}
	_, _, err := c.Search(t.Context(), ask[0])
	want := "MISP at " + first.URL + ": 403 Forbidden (\"Authentication failed.\"): check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address\n" +
		"MISP at " + second.URL + ": 502 Bad Gateway: see the logs of MISP and of its web server"
	if message(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestRetries(t *testing.T) {
	hangUp := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	half := status(200, "application/json", `{"response":{"Attribute":[{"id":"1","type":"ip-src","value":"203.0.113.7"},`)
	tests := []struct {
		name     string
		faults   []http.HandlerFunc // of the first requests
		requests int
		want     Answer
	}{
		{"502", []http.HandlerFunc{status(502, "text/html", "")}, 2, Answer{Verdict: Known}},
		{"503, 504", []http.HandlerFunc{status(503, "text/html", ""), status(504, "text/html", "")}, 3, Answer{Verdict: Known}},
		{"connection closed", []http.HandlerFunc{hangUp}, 2, Answer{Verdict: Known}},
		{"closed in the middle", []http.HandlerFunc{half}, 2, Answer{Verdict: Known}},
		{"each time", []http.HandlerFunc{hangUp, half, status(500, "text/html", ""), status(500, "text/html", "")}, 4, Answer{Reason: ServerError}},
		{"404", []http.HandlerFunc{status(404, "text/html", "")}, 1, Answer{Reason: BadAnswer}},
		{"502, then 403", []http.HandlerFunc{status(502, "text/html", ""), status(403, "application/json", keyRefused)}, 2, Answer{Reason: Forbidden}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			book := &logBook{}
			left := tt.faults
			m := newFakeMISP(t, func(w http.ResponseWriter, r *http.Request) {
				if len(left) == 0 {
					knows("203.0.113.7", 1)(w, r)
					return
				}
				fault := left[0]
				left = left[1:]
				fault(w, r)
			})
			c := newFailoverClient(t, time.Now, book, m)
			a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]
			if a.Verdict == Known && a.Hit.Total != 1 {
				t.Errorf("%d attributes: those of a search that failed count", a.Hit.Total)
			}
			if a.Hit = nil; a != tt.want {
				t.Errorf("got %+v, want %+v", a, tt.want)
			}
			if n := int(m.requests.Load()); n != tt.requests {
				t.Errorf("%d requests, want %d", n, tt.requests)
			}
			if logged := book.take() != ""; logged != (tt.want.Verdict == Unknown) {
				t.Errorf("logged: %v", logged)
			}
		})
	}
}

// TestRetriesStayInTheBudget: a caller with little time gets the reason, not a
// timeout.
func TestRetriesStayInTheBudget(t *testing.T) {
	m := newFakeMISP(t, status(502, "text/html", ""))
	c := newFailoverClient(t, time.Now, &logBook{}, m)
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Millisecond)
	defer cancel()
	answers := make([]Answer, 1)
	c.Lookup(ctx, indicators(t, "ip 203.0.113.7"), answers)
	if answers[0] != (Answer{Reason: ServerError}) || ctx.Err() != nil || m.requests.Load() != 1 {
		t.Errorf("got %+v after %d requests, %v", answers[0], m.requests.Load(), ctx.Err())
	}
}

func TestBackOff(t *testing.T) {
	for try, want := range map[int][2]time.Duration{1: {50 * time.Millisecond, 100 * time.Millisecond}, 2: {100 * time.Millisecond, 200 * time.Millisecond}} {
		start := time.Now()
		if !backOff(t.Context(), try) {
			t.Error("given up")
		}
		if d := time.Since(start); d < want[0] || d > want[1]+50*time.Millisecond {
			t.Errorf("try %d comes after %v, want %v to %v", try, d, want[0], want[1])
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if backOff(ctx, 2) {
		t.Error("goes on though the caller does not wait")
	}
}
