package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// FuzzExtract puts any JSON value at any path that the rules take, and in the
// free text: whatever comes out is canonical, and none of it is an operator of
// MISP's search.
func FuzzExtract(f *testing.F) {
	set := defaultRules(f, rules.Options{Text: true})
	for i, value := range []string{
		`"%"`, `"!203.0.113.5"`, `"a||b.example"`, `"http://evil.example/a&&b"`, `["203.0.113.5",null,{"x":"203.0.113.6"}]`,
		`{"a":{"b":[["evil.example"]]}}`, `1.5`, `true`, `"\ud800"`, `"SHA1=%,MD5=!,IMPHASH=||"`, `"hxxp://evil[.]example/%"`,
		`"type:  5 evil.example;::ffff:203.0.113.5;"`, `"\u200b"`, `"evil.example\u0000"`,
	} {
		f.Add(uint16(i*7), value)
	}
	s := scanner(f, set.Paths())
	f.Fuzz(func(t *testing.T, path uint16, value string) {
		chunk, err := event.AppendJSON(nil, time.Unix(0, 0), []byte("{"+field(set, path, value)+"}"))
		if err != nil {
			return
		}
		var found rules.Extraction
		for s.Reset(chunk); s.Next(); {
			set.Extract(s.Fields(), &found)
		}
		for _, x := range found.Found {
			value := x.Indicator.Value()
			if again, reason := ioc.Normalize(x.Indicator.Kind(), value); reason != ioc.OK || again != x.Indicator {
				t.Errorf("%v is not canonical: %v, %v", x.Indicator, again, reason)
			}
			if value == "" || strings.HasPrefix(value, "!") || strings.HasPrefix(value, "%") || strings.HasSuffix(value, "%") ||
				strings.Contains(value, "||") || strings.Contains(value, "&&") || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%v is an operator", x.Indicator)
			}
		}
	})
}

// Alerts that are chosen from together, sixteen at a time, have the indicators
// that each of them has alone.
func TestExtractTogether(t *testing.T) {
	set := defaultRules(t, rules.Options{Text: true})
	chunk, count := corpus(t)
	var found [2][]string
	for way, together := range []int{1, event.Kept} {
		var x rules.Extraction
		s := scanner(t, set.Paths())
		s.Reset(chunk)
		for n := together; n == together; {
			for n = 0; n < together && s.Next(); n++ {
				set.Choose(s.Fields(), &x)
			}
			for range n {
				from := len(x.Found)
				x.Take()
				found[way] = append(found[way], lines(set, x.Found[from:]))
			}
		}
	}
	if len(found[0]) != count || !slices.Equal(found[0], found[1]) {
		t.Errorf("%d alerts, %d one by one; together %d, other indicators: %v",
			count, len(found[0]), len(found[1]), !slices.Equal(found[0], found[1]))
	}
}

// What an alert has does not depend on the alerts that came before.
func TestExtractKnownAlerts(t *testing.T) {
	chunk, _ := knownAlerts(t)
	for name, options := range map[string]rules.Options{"by default": {}, "in texts": {Text: true}} {
		t.Run(name, func(t *testing.T) {
			set := defaultRules(t, options)
			want := foundAlone(t, set, chunk)
			s := scanner(t, set.Paths())
			var x rules.Extraction
			planned := 0
			for round := range 5 {
				s.Reset(chunk)
				for i := 0; s.Next(); i++ {
					if s.Fields().Planned {
						planned++
					}
					if got := found(set, s, &x); got != want[i] {
						t.Fatalf("round %d, event %d: got\n%s\nwant\n%s", round, i, got, want[i])
					}
				}
			}
			if least := 5 * 1000; planned < least {
				t.Errorf("%d alerts were looked at as alerts before them, want at least %d", planned, least)
			}
		})
	}
}

// FuzzExtractAgain puts values at the paths that conditions and rules have, and in
// the free text, of alerts that are else alike.
func FuzzExtractAgain(f *testing.F) {
	set := defaultRules(f, rules.Options{Text: true})
	for _, values := range [][3]string{
		{`"203.0.113.5"`, `"203.0.113.6"`, `{}`}, {`"sshd"`, `"zeek"`, `["sshd","suricata"]`}, {`"/libhtp/x"`, `"/a.bin"`, `""`},
		{`1`, `2`, `null`}, {`"1"`, `3`, `"1"`}, {`{"a":"b"}`, `[{},"203.0.113.5"]`, `7`}, {`"HTTPS"`, `"DNS"`, `null`}, {`true`, `false`, `null`},
	} {
		for _, path := range []string{"rule.groups", "decoder.name", "data.http.url", "data.service", "data.srcip", "data.event_type", "data.win.system.eventID"} {
			f.Add(uint16(slices.Index(set.Paths(), path)), values[0], values[1], values[2])
		}
	}
	f.Fuzz(func(t *testing.T, path uint16, one, other, third string) {
		s := scanner(t, set.Paths())
		var x rules.Extraction
		for i, value := range []string{one, one, one, other, one, other, third, one, other, other, third, one} {
			record := fmt.Sprintf(`{"timestamp":"2026-03-01T10:00:00","about":"what is the same in all of these alerts, so that they are told by it",`+
				`"rule":{"level":3},"data":{"query":"q.evil.example","email":{"from":"a@evil.example"},"srcip":"198.51.100.%d","http":{"hostname":"a%d.evil.example"}},%s}`, i, i%3, field(set, path, value))
			chunk, err := event.AppendJSON(nil, time.Unix(0, 0), []byte(record))
			if err != nil {
				return
			}
			want := foundAlone(t, set, chunk)
			if s.Reset(chunk); !s.Next() {
				t.Fatal("no event")
			}
			if got := found(set, s, &x); got != want[0] {
				t.Fatalf("event %d, %s: got\n%s\nwant\n%s", i, record, got, want[0])
			}
		}
	})
}

// foundAlone returns what each event of a chunk has if nothing came before it.
func foundAlone(t *testing.T, set *rules.Set, chunk []byte) []string {
	return alone(t, set.Paths(), chunk, func(s *event.Scanner) string { return found(set, s, &rules.Extraction{}) })
}

// found returns what the event has that the scanner went to.
func found(set *rules.Set, s *event.Scanner, x *rules.Extraction) string {
	x.Reset()
	var b strings.Builder
	x.Rejected = func(rule, path int, raw []byte, why string) {
		fmt.Fprintln(&b, set.RuleName(rule), set.Paths()[path], "rejected", string(raw), why)
	}
	set.Extract(s.Fields(), x)
	return b.String() + lines(set, x.Found)
}

// lines returns a line for each of what was found.
func lines(set *rules.Set, found []rules.Found) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintln(&b, set.RuleName(f.Rule), set.Paths()[f.Path], f.Derived, f.Indicator)
	}
	return b.String()
}

// field returns the JSON of a field at a path of the set, with objects around it.
func field(set *rules.Set, path uint16, value string) string {
	keys := strings.Split(strings.ReplaceAll(set.Paths()[int(path)%len(set.Paths())], "*", "any"), ".")
	for i := len(keys) - 1; i > 0; i-- {
		value = fmt.Sprintf("{%q:%s}", keys[i], value)
	}
	return fmt.Sprintf("%q:%s", keys[0], value)
}

// Any number of maps where a host is expected, and of paths that want it, do not
// hold Fluent Bit up.
func TestExtractHostileURLs(t *testing.T) {
	set := defaultRules(t, rules.Options{})
	record := `{"data":{"event_type":"http","http":{"hostname":[{}` + strings.Repeat(`,{}`, 300_000) + `],"url":["/"` + strings.Repeat(`,"/"`, 100_000) + `]}}}`
	chunk, err := event.AppendJSON(nil, time.Unix(0, 0), []byte(record))
	if err != nil {
		t.Fatal(err)
	}
	var x rules.Extraction
	s := scanner(t, set.Paths())
	begin := time.Now()
	for s.Reset(chunk); s.Next(); {
		set.Extract(s.Fields(), &x)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if !x.Cut {
		t.Error("it does not say that there was more")
	}
}
