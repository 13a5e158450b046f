package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestExtract(t *testing.T) {
	tests := []struct {
		name, rules, event string
		want               []string
	}{
		{
			"in the order of the event",
			`[{name: r, lookup: [{fields: [a, b], type: ip}]}]`,
			`{"b":"203.0.113.2","a":["203.0.113.1","203.0.113.3"]}`,
			[]string{"b ip 203.0.113.2", "a ip 203.0.113.1", "a ip 203.0.113.3"},
		},
		{
			"one indicator once for a path, and again for another",
			`[{name: r, lookup: [{fields: [a, b], type: ip}]}, {name: s, lookup: [{field: a, type: host}]}]`,
			`{"a":["203.0.113.1","203.0.113.1:80"],"b":"203.0.113.1"}`,
			[]string{"a ip 203.0.113.1", "b ip 203.0.113.1"},
		},
		{
			"a field as more than one type",
			`[{name: r, lookup: [{field: a, type: domain}, {field: a, type: filename}]}]`,
			`{"a":"payload.com"}`,
			[]string{"a domain payload.com", "a filename payload.com"},
		},
		{
			"derived before it is there itself",
			`[{name: r, lookup: [{field: a, type: domain}]}]`,
			`{"a":["www.evil.example","evil.example"]}`,
			[]string{"a domain www.evil.example", "a domain evil.example"},
		},
		{
			"parents, down to what someone registered",
			`[{name: r, lookup: [{field: a, type: domain}]}]`,
			`{"a":["a.b.evil.co.uk","x.y.github.io"]}`,
			[]string{"a domain a.b.evil.co.uk", "a domain b.evil.co.uk (parent)", "a domain evil.co.uk (parent)",
				"a domain x.y.github.io", "a domain y.github.io (parent)"},
		},
		{
			"the host of a URL that is not fit itself",
			`[{name: r, lookup: [{field: a, type: url}]}]`,
			`{"a":["http://www.evil.example/x%","http://10.0.0.1/a b","https://203.0.113.1/a||b"]}`,
			[]string{"a domain www.evil.example (host)", "a domain evil.example (parent)", "a ip 10.0.0.1 (host)", "a ip 203.0.113.1 (host)"},
		},
		{
			"a URL in the path of another",
			`[{name: r, lookup: [{field: a, type: web-address}, {field: b, type: url, host: c}]}]`,
			`{"a":"evil.example/r?u=http://good.example/","b":"/r?u=http://good.example/","c":"evil.example"}`,
			[]string{"a url http://evil.example/r?u=http://good.example/", "a domain evil.example (host)",
				"b url http://evil.example/r?u=http://good.example/", "b domain evil.example (host)"},
		},
		{
			"a path of any key",
			`[{name: r, lookup: [{field: a.*.ip, type: ip}]}]`,
			`{"a":{"x":{"ip":"203.0.113.1"},"y":[{"ip":"203.0.113.2"}]}}`,
			[]string{"a.*.ip ip 203.0.113.1", "a.*.ip ip 203.0.113.2"},
		},
		{
			"no rule for any field",
			`[{name: r, lookup: [{field: a, type: ip}]}]`,
			`{"b":"203.0.113.1"}`,
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := compile(t, Options{}, "version: 1\nrules: "+test.rules)
			if got := found(t, s, test.event); !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestDerive(t *testing.T) {
	const rules = "\nrules: [{name: r, lookup: [{field: a, type: url}]}]"
	const event = `{"a":"http://www.evil.example/x"}`
	url, host, parent := "a url http://www.evil.example/x", "a domain www.evil.example (host)", "a domain evil.example (parent)"
	for derive, want := range map[string][]string{
		"{}":                            {url, host, parent},
		"{hosts: true, parents: true}":  {url, host, parent},
		"{parents: false}":              {url, host},
		"{hosts: false}":                {url},
		"{hosts: false, parents: true}": {url},
	} {
		if got := found(t, compile(t, Options{}, "version: 1\nderive: "+derive+rules), event); !slices.Equal(got, want) {
			t.Errorf("derive %s: found %q, want %q", derive, got, want)
		}
	}
}

func TestIgnore(t *testing.T) {
	const rules = `
version: 1
ignore:
  networks: [private, 198.51.100.0/24, "2001:db8:1::/48", 203.0.113.9]
  domains: [corp.example, lan.internal.example., Münch.example, localdomain]
  values: [D41D8CD98F00B204E9800998ECF8427E]
rules:
  - name: r
    lookup:
      - {field: ip, type: ip}
      - {field: domain, type: domain}
      - {field: url, type: url}
      - {field: email, type: email}
      - {field: hash, type: hash}
      - {field: text, type: text}
`
	s := compile(t, Options{Ignore: []string{"192.0.2.0/24", "partner.example"}}, rules)
	tests := []struct{ event, why string }{
		{`{"ip":"10.0.0.1"}`, ignoredPrivate},
		{`{"ip":"::ffff:127.0.0.1"}`, ignoredPrivate},
		{`{"ip":"100.64.0.1"}`, ignoredPrivate},
		{`{"ip":"198.51.100.255"}`, ignoredNetwork},
		{`{"ip":"2001:db8:1:ffff::1"}`, ignoredNetwork},
		{`{"ip":"203.0.113.9"}`, ignoredNetwork},
		{`{"ip":"192.0.2.1"}`, ignoredNetwork},
		{`{"ip":"203.0.113.8"}`, ""},
		{`{"ip":"2001:db8:2::1"}`, ""},
		{`{"domain":"corp.example"}`, ignoredDomain},
		{`{"domain":"A.B.Corp.Example."}`, ignoredDomain},
		{`{"domain":"xn--mnch-0ra.example"}`, ignoredDomain},
		{`{"domain":"www.partner.example"}`, ignoredDomain},
		{`{"domain":"notcorp.example"}`, ""},
		{`{"url":"https://intra.corp.example/x"}`, ignoredDomain},
		{`{"url":"http://10.0.0.1/x"}`, ignoredPrivate},
		{`{"url":"http://198.51.100.1/x"}`, ignoredNetwork},
		{`{"url":"http://evil.example/corp.example"}`, ""},
		{`{"email":"alice@mail.corp.example"}`, ignoredDomain},
		{`{"email":"corp.example@evil.example"}`, ""},
		{`{"hash":"d41d8cd98f00b204e9800998ecf8427e"}`, ignoredValue},
		{`{"hash":"d41d8cd98f00b204e9800998ecf8427f"}`, ""},
		{`{"text":"from 10.0.0.1 by www.corp.example"}`, ignoredPrivate + ", " + ignoredDomain},
		{`{"ip":"-"}`, "no value"},
		{`{"ip":""}`, "empty"},
	}
	for _, test := range tests {
		var x Extraction
		var why []string
		x.Rejected = func(rule, path int, raw []byte, reason string) {
			if s.RuleName(rule) != "r" || !strings.Contains(test.event, s.Paths()[path]) || !strings.Contains(test.event, string(raw)) {
				t.Errorf("%s: rejected %q by rule %d at path %d", test.event, raw, rule, path)
			}
			why = append(why, reason)
		}
		s.Extract(fieldsOf(t, s, test.event), &x)
		if got := strings.Join(why, ", "); got != test.why || (len(x.Found) == 0) != (test.why != "") {
			t.Errorf("%s: passed over as %q, want %q", test.event, got, test.why)
		}
	}
}

func TestNothingIsPrivateUnlessSaid(t *testing.T) {
	s := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: a, type: ip}]}]")
	if got := found(t, s, `{"a":"10.0.0.1"}`); len(got) != 1 {
		t.Errorf("found %q, want the address", got)
	}
}

// TestManyIndicators goes past what is searched one by one.
func TestManyIndicators(t *testing.T) {
	s := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{fields: [a, b], type: ip}]}]")
	var list []string
	for i := range 3 * fewFound {
		addr := fmt.Sprintf(`"203.0.113.%d"`, i)
		list = append(list, addr, addr)
	}
	event := `{"a":[` + strings.Join(list, ",") + `],"b":[` + strings.Join(list, ",") + `]}`
	var x Extraction
	f := fieldsOf(t, s, event)
	for range 3 {
		before := len(x.Found)
		s.Extract(f, &x)
		if n := len(x.Found) - before; n != 6*fewFound {
			t.Fatalf("found %d, want %d", n, 6*fewFound)
		}
	}
}

// TestOneExtractionForTwoSets is what a reload of the rules does.
func TestOneExtractionForTwoSets(t *testing.T) {
	a := compile(t, Options{}, "version: 1\nrules: [{name: r, when: {x: 1}, lookup: [{field: a, type: ip}]}]")
	b := defaults(t, Options{})
	var x Extraction
	for range 2 {
		a.Extract(fieldsOf(t, a, `{"x":1,"a":"203.0.113.1"}`), &x)
		b.Extract(fieldsOf(t, b, `{"data":{"srcip":"203.0.113.2"}}`), &x)
	}
	if len(x.Found) != 4 {
		t.Errorf("found %d, want 4", len(x.Found))
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := defaults(t, Options{Text: true})
	settled := NewSettled(16)
	var agents Agents
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			x := Extraction{Agents: &agents}
			for i := range 50 {
				x.Skip(settled, time.Duration(i)*time.Second, 0)
				for _, bench := range benchmarks {
					s.Extract(fieldsOf(t, s, bench.event), &x)
				}
				x.Settle(func(int, int) time.Duration { return time.Hour })
				x.Reset()
			}
		})
	}
	wait.Wait()
}

func TestExtractDoesNotAllocate(t *testing.T) {
	for _, bench := range benchmarks {
		for _, text := range []bool{false, true} {
			s := defaults(t, Options{Text: text})
			f := fieldsOf(t, s, bench.event)
			x := Extraction{Agents: &Agents{}}
			s.Extract(f, &x)
			again := func() {
				x.Reset()
				s.Extract(f, &x)
			}
			if n := testing.AllocsPerRun(100, again); n != 0 {
				t.Errorf("%s, text %t: %v allocations", bench.name, text, n)
			}
			x.Skip(NewSettled(1000), 0, 0)
			again()
			x.Settle(func(int, int) time.Duration { return time.Hour })
			if n := testing.AllocsPerRun(100, again); n != 0 || len(x.Found) > 0 {
				t.Errorf("%s, text %t, settled: %v allocations, found %d", bench.name, text, n, len(x.Found))
			}
		}
	}
}

func TestRulesAt(t *testing.T) {
	s := compile(t, Options{}, `
version: 1
rules:
  - {name: a, when: [{x: 1}, {y: 1}], lookup: [{field: f, type: ip}]}
  - {name: b, lookup: [{field: g, type: ip}]}
  - {name: c, when: {f: 1}, lookup: [{fields: [F, g], type: domain}]}
`)
	want := map[string]string{"agent.ip": "", "f": "a c", "g": "b c", "x": "", "y": ""}
	for p, path := range s.Paths() {
		var names []string
		for _, r := range s.RulesAt(p) {
			names = append(names, s.RuleName(r))
		}
		if got := strings.Join(names, " "); got != want[path] {
			t.Errorf("%s: %q, want %q", path, got, want[path])
		}
	}
	if len(s.Paths()) != len(want) {
		t.Errorf("paths %q", s.Paths())
	}
}
