package rules

import (
	"fmt"
	"strings"
	"testing"
)

// TestConditions has each condition as a when, which must hold exactly if the
// same condition as an unless does not let the rule through.
func TestConditions(t *testing.T) {
	const event = `{
		"rule": {"level": 7, "groups": ["Web", "attack"], "firedtimes": "12", "mail": true},
		"decoder": {"name": "apache"},
		"data": {"srcip": "203.0.113.7", "peer": "10.1.2.3:443", "text": "Straße 1", "size": "7 MB", "empty": "", "nothing": null, "object": {"a": 1}},
		"look": "198.51.100.1"}`
	tests := []struct {
		when string
		want bool
	}{
		{"{rule.groups: attack}", true},
		{"{rule.groups: web}", true}, // case does not count
		{"{rule.groups: [sshd, ATTACK]}", true},
		{"{rule.groups: [sshd, att]}", false},
		{"{rule.groups: web, decoder.name: apache}", true},
		{"{rule.groups: web, Rule.Groups: attack}", true},
		{"{rule.groups: web, Rule.Groups: sshd}", false},
		{"{rule.groups: web, decoder.name: nginx}", false},
		{"[{decoder.name: nginx}, {rule.groups: web}]", true},
		{"[{decoder.name: nginx}, {rule.groups: sshd}]", false},
		{"{rule.level: 7}", true}, // a number is compared as text
		{"{rule.level: 7.0}", false},
		{"{rule.mail: true}", true},
		{"{RULE.Level: '7'}", true}, // nor does the case of a path
		{"{data.missing: x}", false},
		{"{data.text: straße 1}", true},
		{"{data.text: STRASSE 1}", false},
		{"{data.srcip: [a, b, c, d, e, f, g, h, 203.0.113.7]}", true},
		{"{data.srcip: [a, b, c, d, e, f, g, h, i]}", false},
		{"{decoder.name: a*}", false}, // no wildcards

		{"{decoder.name|contains: PACH}", true},
		{"{decoder.name|contains: [x, y]}", false},
		{"{decoder.name|contains: apaches}", false},
		{"{decoder.name|startswith: [ngi, apa]}", true},
		{"{decoder.name|startswith: pache}", false},
		{"{decoder.name|endswith: ACHE}", true},
		{"{decoder.name|endswith: apach}", false},
		{"{decoder.name|re: ^a.*e$}", true},
		{"{decoder.name|re: ^A}", false}, // as written
		{"{decoder.name|re: [^x, (?i)^A]}", true},

		{"{data.srcip|cidr: 203.0.113.0/24}", true},
		{"{data.srcip|cidr: [10.0.0.0/8, 203.0.113.7]}", true},
		{"{data.srcip|cidr: private}", false},
		{"{data.peer|cidr: private}", true}, // a port is not in the way
		{"{decoder.name|cidr: 0.0.0.0/0}", false},

		{"{data.srcip|exists: true}", true},
		{"{data.srcip|exists: false}", false},
		{"{data.missing|exists: false}", true},
		{"{data.empty|exists: true}", true},
		{"{data.nothing|exists: true}", false},
		{"{data.object|exists: true}", true},

		{"{rule.level|gt: 6}", true},
		{"{rule.level|gt: 7}", false},
		{"{rule.level|gte: 7}", true},
		{"{rule.level|lt: 7.5}", true},
		{"{rule.level|lt: 7}", false},
		{"{rule.level|lte: 7}", true},
		{"{rule.firedtimes|gt: 9}", true}, // as a number, although it is text
		{"{data.size|gt: 1}", false},
		{"{data.missing|lt: 1}", false},
		{"{rule.level|gte: 3, rule.level|lt: 7}", false},

		{"{data.*: 203.0.113.7}", true},
		{"{'*.groups': web}", true},
	}
	const src = "version: 1\nrules: [{name: r, %s: %s, lookup: [{field: look, type: ip}]}]"
	for _, test := range tests {
		t.Run(test.when, func(t *testing.T) {
			set := compile(t, Options{}, fmt.Sprintf(src, "when", test.when))
			if got := found(t, set, event) != nil; got != test.want {
				t.Errorf("when: %t, want %t", got, test.want)
			}
			set = compile(t, Options{}, fmt.Sprintf(src, "unless", test.when))
			if got := found(t, set, event) == nil; got != test.want {
				t.Errorf("unless: %t, want %t", got, test.want)
			}
		})
	}
}

// TestMatchers says which matcher a condition gets, and that equality in a
// when is left to the bit sets.
func TestMatchers(t *testing.T) {
	tests := []struct {
		condition, want string
	}{
		{"x: a", "key of 1"},
		{"x: [a, b]", "key of 2"},
		{"x: [a, b, c, d, e, f, g, h, i]", "key of 9"},
		{"x|contains: a", "rules.contains"},
		{"x|startswith: a", "rules.startsWith"},
		{"x|endswith: a", "rules.endsWith"},
		{"x|re: a", "rules.matches"},
		{"x|cidr: 10.0.0.0/8", "*rules.within"},
		{"x|exists: true", "rules.exists"},
		{"x|lte: 1", "rules.compared"},
	}
	for _, test := range tests {
		s := compile(t, Options{}, "version: 1\nrules: [{name: r, when: {"+test.condition+"}, lookup: [{field: y, type: ip}]}]")
		got := ""
		if len(s.conds) > 0 {
			got = fmt.Sprintf("%T", s.conds[0].matcher)
		}
		if len(s.keys) > 0 {
			words := 0
			for _, slot := range s.keys[0].words.slots {
				if slot.rows != nil {
					words++
				}
			}
			got += fmt.Sprintf("key of %d", words)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.condition, got, test.want)
		}
	}
	for words, want := range map[int]string{fewWords: "rules.equal", fewWords + 1: "rules.oneOf"} {
		list := strings.Repeat("w, ", words-1) + "w"
		s := compile(t, Options{}, "version: 1\nrules: [{name: r, unless: {x: ["+list+"]}, lookup: [{field: y, type: ip}]}]")
		if got := fmt.Sprintf("%T", s.conds[0].matcher); got != want {
			t.Errorf("%d words in an unless: %s, want %s", words, got, want)
		}
	}
}

func TestSameConditionIsDecidedOnce(t *testing.T) {
	s := compile(t, Options{}, `
version: 1
rules:
  - {name: a, when: {x|re: a.c}, lookup: [{field: y, type: ip}]}
  - {name: b, when: {X|re: a.c, z|gt: 1}, lookup: [{field: y, type: ip}]}
  - {name: c, when: {x|re: a.d}, lookup: [{field: y, type: ip}]}
`)
	if len(s.conds) != 3 {
		t.Errorf("%d conditions, want 3: x|re a.c, z|gt 1, x|re a.d", len(s.conds))
	}
}
