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
		keys := strings.Split(strings.ReplaceAll(set.Paths()[int(path)%len(set.Paths())], "*", "any"), ".")
		record := value
		for i := len(keys) - 1; i >= 0; i-- {
			record = `{"` + keys[i] + `":` + record + `}`
		}
		chunk, err := event.AppendJSON(nil, time.Unix(0, 0), []byte(record))
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
				line := ""
				for _, f := range x.Found[from:] {
					line += fmt.Sprintln(set.RuleName(f.Rule), set.Paths()[f.Path], f.Derived, f.Indicator)
				}
				found[way] = append(found[way], line)
			}
		}
	}
	if len(found[0]) != count || !slices.Equal(found[0], found[1]) {
		t.Errorf("%d alerts, %d one by one; together %d, other indicators: %v",
			count, len(found[0]), len(found[1]), !slices.Equal(found[0], found[1]))
	}
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
