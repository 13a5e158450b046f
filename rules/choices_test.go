package rules

import (
	"slices"
	"strings"
	"testing"
)

// Events that are chosen from together are taken as if one by one.
func TestChooseFromSeveral(t *testing.T) {
	s := defaults(t, Options{})
	events := []string{
		`{"agent":{"ip":"203.0.113.77"},"data":{"srcip":"203.0.113.1"}}`,
		`{"rule":{"level":3}}`,
		`{"data":{"srcip":"203.0.113.77","dstip":"203.0.113.2"}}`, // an agent's by now
		`{"data":{"srcip":"203.0.113.1","url":"http://evil.example.com/a"}}`,
	}
	type taken struct {
		from, to   int
		cut, clean bool
	}
	one := Extraction{Agents: &Agents{}}
	var want []taken
	for _, line := range events {
		from := len(one.Found)
		s.Extract(fieldsOf(t, s, line), &one)
		want = append(want, taken{from, len(one.Found), one.Cut, one.Clean})
	}
	all := Extraction{Agents: &Agents{}}
	for range 3 {
		all.Reset()
		for _, line := range events {
			s.Choose(fieldsOf(t, s, line), &all)
		}
		for i := range events {
			from := len(all.Found)
			all.Take()
			if got := (taken{from, len(all.Found), all.Cut, all.Clean}); got != want[i] {
				t.Errorf("event %d: got %+v, want %+v", i, got, want[i])
			}
		}
		if got, want := lines(s, all.Found), lines(s, one.Found); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
}

// An event with more values than real ones have is cut, also if there is no
// indicator in them, and the next one is not.
func TestTooManyValues(t *testing.T) {
	s := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: a, type: ip}]}]")
	list := func(n int) string { return `{"a":["` + strings.Repeat(`none","`, n-1) + `203.0.113.9"]}` }
	var x Extraction
	for _, n := range []int{MaxChosen, MaxChosen + 1, 1} {
		x.Reset()
		s.Extract(fieldsOf(t, s, list(n)), &x)
		if cut := n > MaxChosen; x.Cut != cut || len(x.Found) == 1 == cut {
			t.Errorf("%d values: cut %v, found %d", n, x.Cut, len(x.Found))
		}
	}
	if n := cap(x.choices.own); n > keptChoices {
		t.Errorf("memory for %d choices is kept", n)
	}
}
