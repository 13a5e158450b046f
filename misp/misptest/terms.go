package misptest

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// terms is a filter as MISP takes it apart: a row must match one of or, if
// there are any, and none of not. Without either it is no filter at all, which
// is how an odd value makes MISP answer with its whole database.
type terms struct{ or, not []string }

// dissect takes apart the value of a filter: JSON decoded with numbers kept,
// or the text of a URL.
func dissect(v any) terms {
	switch v := v.(type) {
	case string:
		s := strings.Trim(v, " \t\n\r\x00\x0b")
		if s == "" || s == "0" {
			return terms{}
		}
		for _, operator := range []string{"&&", "||"} {
			// At the very start the operator is not seen: position 0 is false.
			if strings.Index(s, operator) > 0 {
				return signed(strings.Split(s, operator))
			}
		}
		return signed([]string{s})
	case json.Number, bool:
		if !truthy(v) {
			return terms{}
		}
		return terms{or: []string{text(v)}}
	case []any:
		return signed(texts(v))
	case map[string]any:
		_, or := v["OR"]
		_, and := v["AND"]
		_, not := v["NOT"]
		if !or && !and && !not {
			var list []any
			for _, e := range v {
				list = append(list, e)
			}
			return signed(texts(list))
		}
		// AND is not an and, and a "!" means nothing in here.
		return terms{or: append(texts(v["OR"]), texts(v["AND"])...), not: texts(v["NOT"])}
	}
	return terms{}
}

// signed sorts texts by their leading "!".
func signed(list []string) terms {
	var t terms
	for _, s := range list {
		if negated, ok := strings.CutPrefix(s, "!"); !ok {
			t.or = append(t.or, s)
		} else if negated != "" {
			t.not = append(t.not, negated)
		}
	}
	return t
}

// texts returns the elements of a list, or a single value, as PHP writes them.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = text(e)
	}
	return out
}

// text returns a value as it reaches the comparison. A number 0 there equals
// every text that is no number, the empty one included.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		if v == "0" {
			return ""
		}
		return v.String()
	case bool:
		if v {
			return "1"
		}
	case []any, map[string]any:
		return "Array"
	}
	return ""
}

// truthy is PHP's idea of true: the string "false" is.
func truthy(v any) bool {
	switch v := v.(type) {
	case string:
		return v != "" && v != "0"
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0
	case bool:
		return v
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

// compressed returns an IPv6 address in the form in which MISP stores it, any
// other text as it is.
func compressed(s string) string {
	if !strings.Contains(s, ":") {
		return s
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return s
	}
	return addr.String()
}

// matcher is terms made ready to compare with folded columns.
type matcher struct{ or, not set }

type set struct {
	equal    map[string]struct{}
	patterns []string
}

// matcher returns the matcher of the terms, nil if they filter nothing.
func (t terms) matcher() *matcher {
	if len(t.or)+len(t.not) == 0 {
		return nil
	}
	return &matcher{newSet(t.or), newSet(t.not)}
}

func newSet(list []string) set {
	s := set{equal: make(map[string]struct{}, len(list))}
	for _, term := range list {
		folded := fold(term)
		s.equal[folded] = struct{}{}
		if strings.HasPrefix(term, "%") || strings.HasSuffix(term, "%") {
			s.patterns = append(s.patterns, folded)
		}
	}
	return s
}

// match reports whether a row with these columns passes.
func (m *matcher) match(columns ...string) bool {
	return (len(m.or.equal) == 0 || m.or.has(columns)) && !m.not.has(columns)
}

func (s set) has(columns []string) bool {
	for _, c := range columns {
		if _, ok := s.equal[c]; ok {
			return true
		}
		for _, p := range s.patterns {
			if like(p, c) {
				return true
			}
		}
	}
	return false
}
