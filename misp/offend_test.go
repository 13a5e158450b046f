package misp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
)

// refuses answers as next does, unless the request has this text in it: then as
// offended does.
func refuses(offended, next http.HandlerFunc, text string) http.HandlerFunc {
	fault := misptest.At(text, func(w http.ResponseWriter, r *http.Request, _ http.Handler) { offended(w, r) })
	return func(w http.ResponseWriter, r *http.Request) { fault(w, r, next) }
}

// A value that MISP, or what stands in front of it, does not take costs its own answer
// and no other, nor is MISP left alone.
func TestOneValueOffends(t *testing.T) {
	hangUp := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	for name, tt := range map[string]struct {
		offended http.HandlerFunc
		reason   Reason
	}{
		"a firewall":           {status(403, "text/html", "<html><title>Blocked</title>"), Forbidden},
		"a firewall with JSON": {status(403, "application/json", `{"message":"Forbidden"}`), Forbidden},
		"a page":               {status(200, "text/html", "<html><title>Blocked</title>"), BadAnswer},
		"a bad request":        {status(400, "text/html", ""), BadAnswer},
		"an error":             {status(500, "application/json", `{"name":"An Internal Error Has Occurred.","url":"/attributes/restSearch"}`), ServerError},
		"a closed connection":  {hangUp, Unreachable},
		"broken JSON":          {status(200, "application/json", `{"response":{"Attribute":[{"value":"`), BadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			m := newFakeMISP(t, refuses(tt.offended, knows("198.18.0.7", 1), "union+select"))
			c := newFailoverClient(t, newClock().now, book, m)
			bad := indicators(t, "url http://www.example.com/?q=union+select+1")[0]
			for n := 1; n <= refusedAfter+1; n++ {
				want, most := tt.reason, int32(6)
				if n >= refusedAfter {
					want = Refused
				}
				if n == 1 {
					most = 20
				}
				asked := append(addresses(t, 300), bad)
				asked = append(asked, indicators(t, "url http://www.example.com/a", "url http://www.example.com/b")...)
				before := m.requests.Load()
				for i, a := range lookup(c, asked) {
					switch {
					case asked[i] == bad:
						if a != (Answer{Reason: want}) {
							t.Errorf("time %d: got %+v, want %s", n, a, want)
						}
					case a.Verdict == Unknown || (a.Verdict == Known) != (i == 7):
						t.Errorf("time %d: %v is %+v", n, asked[i], a)
					}
				}
				if requests := m.requests.Load() - before; requests > most {
					t.Errorf("time %d: %d requests, want %d at most", n, requests, most)
				}
				if c.Away() {
					t.Errorf("time %d: MISP is left alone", n)
				}
			}
			if errors := c.Stats().Errors; errors[Refused] == 0 || errors[Forbidden] > 0 {
				t.Errorf("errors %v", errors)
			}
			if got := book.take(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "while it answers others") || !strings.Contains(got, "union+select") {
				t.Errorf("logged %s", got)
			}
			// When it is over, MISP knows it again like any other.
			m.handler.Store(knows("198.18.0.7", 1))
			if a := lookup(c, []ioc.Indicator{bad})[0]; a.Verdict != Clean || c.offenders.has(bad) {
				t.Errorf("got %+v", a)
			}
		})
	}
}

// However many values offend, those above suspicion are answered with few requests.
func TestManyValuesOffend(t *testing.T) {
	m := newFakeMISP(t, refuses(status(403, "text/html", ""), knows("198.18.0.7", 1), "union+select"))
	c := newFailoverClient(t, newClock().now, &logBook{}, m)
	asked := addresses(t, 100)
	for i := range 100 {
		asked = append(asked, indicators(t, fmt.Sprintf("url http://www.example.com/?q=union+select+%d", i))...)
	}
	for n := range 20 {
		for i, a := range lookup(c, asked) {
			if i < 100 && a.Verdict == Unknown {
				t.Fatalf("time %d: %v is %+v", n, asked[i], a)
			}
			if i >= 100 && a.Reason != Forbidden && a.Reason != Refused {
				t.Fatalf("time %d: %v is %+v", n, asked[i], a)
			}
		}
	}
	if n := m.requests.Load(); n > 20*4*maxFailed {
		t.Errorf("%d requests", n)
	}
	if c.Away() {
		t.Error("MISP is left alone")
	}
}

// A batch that is too large for what stands in front of MISP goes in parts.
func TestBatchTooLarge(t *testing.T) {
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 3000 {
			status(413, "text/html", "")(w, r)
			return
		}
		answer(rows())(w, r)
	})
	for i, a := range lookup(c, addresses(t, 500)) {
		if a.Verdict != Clean {
			t.Fatalf("%d is %+v", i, a)
		}
	}
}

// While MISP fails at everything, no value is to blame.
func TestNobodyOffends(t *testing.T) {
	m := newFakeMISP(t, status(500, "text/html", ""))
	clock := newClock()
	c := newFailoverClient(t, clock.now, &logBook{}, m)
	for range 5 {
		for _, a := range lookup(c, addresses(t, 50)) {
			if a != (Answer{Reason: ServerError}) {
				t.Fatalf("got %+v", a)
			}
		}
		if !c.Away() {
			t.Fatal("MISP is not left alone")
		}
		clock.add(longestHoldoff)
	}
	if n := len(c.offenders.times); n != 0 {
		t.Errorf("%d values are blamed", n)
	}
}

// Where another MISP may know a value that the first refuses, it is not given up.
func TestAnotherMayKnow(t *testing.T) {
	clock := newClock()
	first := newFakeMISP(t, refuses(status(403, "text/html", ""), answer(rows()), "union+select"))
	second := newFakeMISP(t, status(503, "text/html", ""))
	c := newFailoverClient(t, clock.now, &logBook{}, first, second)
	ask := indicators(t, "url http://www.example.com/?q=union+select")
	for n := range refusedAfter + 1 {
		if a := lookup(c, ask)[0]; a != (Answer{Reason: Forbidden}) {
			t.Errorf("time %d: got %+v", n, a)
		}
		clock.add(longestHoldoff)
	}
	second.handler.Store(answer(rows()))
	if a := lookup(c, ask)[0]; a.Verdict != Clean {
		t.Errorf("got %+v", a)
	}
}

// If MISP fails at all searches of a sort, no value is to blame.
func TestFilterOffends(t *testing.T) {
	m := newFakeMISP(t, refuses(status(500, "text/html", ""), answer(rows()), `"type":[`))
	c := newFailoverClient(t, newClock().now, &logBook{}, m)
	if a := lookup(c, addresses(t, 10))[0]; a != (Answer{Reason: ServerError}) || !c.Away() || len(c.offenders.times) > 0 {
		t.Errorf("got %+v, away %v", a, c.Away())
	}
}

// Others that are answered meanwhile do not hide that a value has the rest of its
// batch fail.
func TestOffenderAmongAnswers(t *testing.T) {
	m := newFakeMISP(t, refuses(status(500, "text/html", ""), answer(rows()), "union+select"))
	c := newFailoverClient(t, time.Now, &logBook{}, m)
	ended := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
				lookup(c, addresses(t, 1))
			}
		}
	})
	asked := append(addresses(t, 20), indicators(t, "url http://www.example.com/?q=union+select")...)
	for i, a := range lookup(c, asked)[:20] {
		if a.Verdict != Clean {
			t.Errorf("%d: got %+v", i, a)
		}
	}
	close(ended)
	others.Wait()
}

// Of two web servers that take turns, one may be out of order: no value is to blame.
func TestTurnsOffend(t *testing.T) {
	turn := 0
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if turn++; turn%2 == 1 {
			status(403, "text/html", "")(w, r)
			return
		}
		answer(rows())(w, r)
	})
	if lookup(c, addresses(t, 30)); len(c.offenders.times) > 0 {
		t.Errorf("%d values are blamed", len(c.offenders.times))
	}
}

// Who gives up while it is tried whether a value is to blame says nothing about MISP.
func TestGivenUpWhileBlaming(t *testing.T) {
	c := newTestClient(t, refuses(status(403, "text/html", ""), refuses(func(_ http.ResponseWriter, r *http.Request) { sleep(r) }, answer(rows()), harmless), "union+select"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	answers := make([]Answer, 1)
	c.Lookup(ctx, indicators(t, "url http://www.example.com/?q=union+select"), answers)
	if answers[0] != (Answer{Reason: Forbidden}) || c.Away() || len(c.offenders.times) > 0 {
		t.Errorf("got %+v, away %v", answers[0], c.Away())
	}
}
