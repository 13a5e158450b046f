package misptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// got is what a client sees of an answer.
type got struct {
	status int
	header http.Header
	body   string // at most a megabyte of it
	err    error
}

// ask searches for a value over a connection, and waits no longer than patience.
func ask(t *testing.T, url, value string, patience time.Duration) got {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	body, err := json.Marshal(map[string]any{"value": map[string]any{"OR": []string{value}}, "limit": 10})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/attributes/restSearch", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", ReadOnlyKey)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return got{err: err}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return got{answer.StatusCode, answer.Header, string(text), err}
}

// values returns the values of the attributes in an answer.
func (g got) values(t *testing.T) []string {
	t.Helper()
	var answer struct {
		Response struct {
			Attribute []struct {
				Value string `json:"value"`
			}
		}
	}
	if err := json.Unmarshal([]byte(g.body), &answer); err != nil {
		t.Fatalf("%v in %s", err, g.body)
	}
	var list []string
	for _, a := range answer.Response.Attribute {
		list = append(list, a.Value)
	}
	return list
}

func TestFaults(t *testing.T) {
	const value, enough, short = "198.51.100.23", 30 * time.Second, 500 * time.Millisecond
	server := New(Sample())
	url := server.Start(t)
	whole := ask(t, url, value, enough)
	for _, c := range []struct {
		name   string
		fault  Fault
		stalls bool
		want   func(got) bool
	}{
		{"none", nil, false, func(g got) bool { return g.status == 200 && strings.Contains(g.body, `"value":"198.51.100.23"`) }},
		{"latency", Latency(10 * time.Millisecond), false, func(g got) bool { return g.body == whole.body }},
		{"latency beyond patience", Latency(time.Minute), true, func(g got) bool { return errors.Is(g.err, context.DeadlineExceeded) }},
		{"silent", Silent, true, func(g got) bool { return errors.Is(g.err, context.DeadlineExceeded) && g.status == 0 }},
		{"drip", Drip(10 * time.Millisecond), true, func(g got) bool {
			return errors.Is(g.err, context.DeadlineExceeded) && g.status == 200 && len(g.body) < 100 && strings.HasPrefix(whole.body, g.body)
		}},
		{"reset", Reset, false, func(g got) bool { return errors.Is(g.err, syscall.ECONNRESET) && g.status == 200 }},
		{"403", Status(403), false, func(g got) bool {
			return g.status == 403 && strings.HasPrefix(g.body, `{"name":"Authentication failed.`)
		}},
		{"404", Status(404), false, func(g got) bool { return g.status == 404 && strings.HasPrefix(g.body, `{"name":"Not Found"`) }},
		{"413", Status(413), false, func(g got) bool { return g.status == 413 && g.header.Get("Content-Type") == "text/html" }},
		{"429", Status(429), false, func(g got) bool { return g.status == 429 && g.header.Get("X-Rate-Limit-Reset") == "" }},
		{"429 with a time", RateLimited(90 * time.Second), false, func(g got) bool { return g.status == 429 && g.header.Get("X-Rate-Limit-Reset") == "90" }},
		{"500", Status(500), false, func(g got) bool {
			return g.status == 500 && strings.HasPrefix(g.body, `{"name":"An Internal Error Has Occurred."`)
		}},
		{"502", Status(502), false, func(g got) bool { return g.status == 502 && strings.Contains(g.body, "<h1>502 Bad Gateway</h1>") }},
		{"login", LoginRedirect, false, func(g got) bool { return g.status == 302 && g.header.Get("Location") == url+"/users/login" }},
		{"answer", Answer(418, "text/plain", "no"), false, func(g got) bool { return g.status == 418 && g.body == "no" }},
		{"cut off", CutOff, false, func(g got) bool { return g.err == nil && g.body == whole.body[:len(whole.body)/2] }},
		{"wrong shape", WrongShape, false, func(g got) bool { return json.Valid([]byte(g.body)) && strings.Contains(g.body, `"response": [`) }},
		{"wrong types", WrongTypes, false, func(g got) bool {
			return strings.Contains(g.body, `"event_id":3`) && strings.Contains(g.body, `"to_ids":"true"`) && strings.Contains(g.body, `"value":["198.51.100.23"]`)
		}},
		{"duplicate keys", DuplicateKeys, false, func(g got) bool {
			return strings.Contains(g.body, `"value":"duplicate.example","value":"198.51.100.23"`)
		}},
		{"deep nesting", DeepNesting(20000), false, func(g got) bool { return strings.Count(g.body, "[") == 20000 }},
		{"huge", Huge(1 << 30), false, func(g got) bool { return g.status == 200 && len(g.body) == 1<<20 }},
		{"gzip bomb", GzipBomb(1 << 30), false, func(g got) bool { return g.status == 200 && len(g.body) == 1<<20 }},
		{"whole database", WholeDatabase, false, func(g got) bool { return strings.Count(g.body, `"event_id"`) == 18 }},
		{"unasked", Unasked("203.0.113.66"), false, func(g got) bool { return strings.Join(g.values(t), " ") == "203.0.113.66 198.51.100.23" }},
	} {
		patience := enough
		if c.stalls {
			patience = short
		}
		server.Fault(c.fault)
		if g := ask(t, url, value, patience); !c.want(g) {
			t.Errorf("%s: status %d, error %v, header %v, body %.300s", c.name, g.status, g.err, g.header, g.body)
		}
	}
}

func TestFaultNext(t *testing.T) {
	server := New(Sample())
	url := server.Start(t)
	server.FaultNext(Status(500), nil, Status(502))
	server.Fault(Status(429))
	for i, want := range []int{500, 200, 502, 429, 429} {
		if g := ask(t, url, "198.51.100.23", 30*time.Second); g.status != want {
			t.Errorf("request %d: status %d, want %d", i+1, g.status, want)
		}
	}
	server.Fault(nil)
	if g := ask(t, url, "198.51.100.23", 30*time.Second); g.status != 200 {
		t.Errorf("without a fault: status %d, want 200", g.status)
	}
}
