package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
)

// Alerts that are like others before them, and what is then known of them.

// Where a rule has a condition for a text that differs from alert to alert, they are
// alike as long as it comes out the same.
func TestExtractWithConditionForKnownAlerts(t *testing.T) {
	like, _ := requests(t, 24, func(i int) (path string, unusual bool) { return "/libhtp::request_uri_not_seen", i == 20 })
	for i := 19; i < 24; i++ {
		if !like[i] {
			t.Errorf("alert %d is not like those before it", i)
		}
	}
}

// That the first alerts were unusual ones is forgotten.
func TestExtractAfterUnusualAlerts(t *testing.T) {
	_, followed := requests(t, 60, func(i int) (path string, unusual bool) { return fmt.Sprintf("/libhtp::%d", i), i < 12 })
	if !followed[59] {
		t.Error("the last alert is not like those before it")
	}
}

// requests has a scanner go to alerts of n requests, of which some are unusual: their
// path is no part of a URL. It looks at what is found, and returns which alerts are
// laid out like others before them, and which are also chosen from like those.
func requests(t *testing.T, n int, unusual func(i int) (path string, unusual bool)) (like, followed []bool) {
	set := defaultRules(t, rules.Options{})
	s := scanner(t, set.Paths())
	var x rules.Extraction
	for i := range n {
		path, odd := unusual(i)
		number := i * i * i // of one digit or more, so that the size of values differs early
		if !odd {
			path = fmt.Sprintf("/%d.bin", number)
		}
		next(t, s, `"data":{"event_type":"http","http":{"hostname":"a%d.evil.example","http_port":"80","url":"%s"}}`, number, path)
		like = append(like, s.Fields().Planned)
		got := found(set, s, &x)
		followed = append(followed, s.Fields().Planned)
		if want := fmt.Sprintf("a%d.evil.example%s", number, path); strings.Contains(got, want) == odd || !strings.Contains(got, fmt.Sprintf("a%d.", number)) {
			t.Errorf("alert %d: got\n%s", i, got)
		}
	}
	return like, followed
}

// The address of an agent is learnt from an alert that is like others before it.
func TestExtractAgentOfKnownAlert(t *testing.T) {
	set := defaultRules(t, rules.Options{})
	s, x := scanner(t, set.Paths()), rules.Extraction{Agents: &rules.Agents{}}
	for i := range 8 {
		next(t, s, `"agent":{"ip":"203.0.113.%d"},"data":{"srcip":"203.0.113.%d"}`, i, (i+7)%8)
		planned := s.Fields().Planned
		x.Reset()
		set.Extract(s.Fields(), &x)
		if i == 7 && (!planned || len(x.Found) != 0) {
			t.Errorf("planned: %v, found: %v, where the address is that of the agent before", planned, x.Found)
		}
	}
}

// A value that is settled as one kind is looked up as another, also in an alert that
// is like others before it.
func TestExtractSettledAsAnotherKind(t *testing.T) {
	file, err := rules.Parse("test.yaml", []byte("version: 1\nrules:\n"+
		"  - {name: domain, lookup: [{field: data.domain, type: domain}]}\n  - {name: file, lookup: [{field: data.file, type: filename}]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(rules.Options{}, file)
	if err != nil {
		t.Fatal(err)
	}
	var x rules.Extraction
	s, settled := scanner(t, set.Paths()), rules.NewSettled(1000)
	for i := range 10 {
		x.Reset()
		x.Skip(settled, 0, 0)
		next(t, s, `"data":{"domain":"d%d.example.com","file":"d%d.example.com"}`, i, i-1)
		set.Extract(s.Fields(), &x)
		x.Settle(func(from, to int) time.Duration {
			if x.Found[from].Path == slices.Index(set.Paths(), "data.domain") {
				return time.Hour
			}
			return 0
		})
		if n := len(x.Found); !slices.ContainsFunc(x.Found, func(f rules.Found) bool { return f.Rule == 1 }) {
			t.Errorf("alert %d: of %d that were found none is a file", i, n)
		}
	}
	if !s.Fields().Planned {
		t.Error("the last alert was not like those before it")
	}
}

// next has a scanner go to an alert that begins like all of them, and goes on as the
// format says.
func next(t *testing.T, s *event.Scanner, format string, a ...any) {
	const begin = `{"timestamp":"t","about":"what is the same in all of these alerts, so that they are told by it",`
	chunk, err := event.AppendJSON(nil, time.Unix(0, 0), fmt.Appendf(nil, begin+format+"}", a...))
	if err != nil {
		t.Fatal(err)
	}
	if s.Reset(chunk); !s.Next() {
		t.Fatal("not an event")
	}
}
