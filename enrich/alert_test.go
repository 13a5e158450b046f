package enrich

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
)

// An identity is kept whatever the event has in its place.
func TestIdentity(t *testing.T) {
	tests := []struct {
		name, alert string
		want        identity
	}{
		{"Wazuh's", lateAlert, identity{ID: "1772359200.7", Timestamp: "2026-03-01T10:00:00.000+0000",
			AgentID: "004", AgentName: "web-01", RuleID: "5760", RuleLevel: 5, RuleDescription: "sshd: failed."}},
		{"nothing", `{"a":1}`, identity{}},
		{"of other types", `{"id":7,"timestamp":1.5,"agent":"x","rule":{"id":5760,"level":"12"}}`,
			identity{ID: "7", Timestamp: "1.5", RuleID: "5760", RuleLevel: 12}},
		{"no level", `{"rule":{"level":"high"}}`, identity{}},
		{"long", `{"rule":{"description":"` + strings.Repeat("ä", 1000) + `"}}`, identity{RuleDescription: strings.Repeat("ä", 512)}},
	}
	paths, _ := event.NewPaths(nil)
	for _, tt := range tests {
		c := chunk(t, other, tt.alert)
		s := event.NewScanner(paths)
		s.Reset(c)
		s.Next()
		s.Next()
		if got := new(batch).read(c, s.Event()); got != tt.want {
			t.Errorf("%s: got  %+v\nwant %+v", tt.name, got, tt.want)
		}
	}
}

// A stored alert that claims to be large takes no memory for it, not even when
// there are many of them.
func TestStoredLengths(t *testing.T) {
	head := "\x98\xa1i\xa0\xa0\xa0\xa0\x00\xa0"
	for _, hostile := range []string{head + "\xdd\x7f\xff\xff\xff", "\x98\xdb\xff\xff\xff\xff", head + "\x91\x94\xdb\xff\xff\xff\xff"} {
		if n := testing.AllocsPerRun(100, func() {
			if _, _, ok := decodeAlert([]byte(hostile)); ok {
				t.Errorf("%q is an alert", hostile)
			}
		}); n > 2 {
			t.Errorf("%q: %v allocations", hostile, n)
		}
	}
}

// FuzzStoredAlert reads anything as a stored alert, and holds the form to its
// property: what is stored is what was.
func FuzzStoredAlert(f *testing.F) {
	a := alert{identity: identity{ID: "1", RuleLevel: 12}, Open: []openIndicator{
		{Kind: "ip", Value: "203.0.113.5", Field: "data.srcip"},
		{Kind: "domain", Value: "example.com", Field: "data.url", Derived: rules.Parent}}}
	f.Add(a.encode())
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte("\x98\xa0\xa0\xa0\xa0\xa0\x00\xa0\xdd\x7f\xff\xff\xff")) // memory for as many
	f.Add(bytes.Repeat([]byte{0x91}, 1<<20))
	f.Add(append([]byte{0x9f}, bytes.Repeat([]byte{0x91}, 1<<20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, indicators, ok := decodeAlert(b)
		if !ok {
			return
		}
		if len(indicators) != len(a.Open) {
			t.Fatalf("%d indicators of %d", len(indicators), len(a.Open))
		}
		again, _, ok := decodeAlert(a.encode())
		if !ok || again.identity != a.identity || !slices.Equal(again.Open, a.Open) {
			t.Errorf("got  %+v\nwant %+v", again, a)
		}
	})
}
