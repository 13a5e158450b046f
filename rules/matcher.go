package rules

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fluent-bit-misp/misp/ioc"
)

// A matcher decides on the text of one value.
type matcher interface {
	match(text []byte) bool
}

// The matchers. Words are lower-cased; see fold for what that means.
type (
	equal      []string            // the whole text is one of a few words
	oneOf      map[string]struct{} // the same for many words
	contains   []string
	startsWith []string
	endsWith   []string
	matches    []*regexp.Regexp
	within     struct{ networks } // the text is an address in the set
	exists     bool               // whether there must be a value, of any type
	compared   struct {           // the text is a number that stands so to the bound
		bound float64
		holds func(a, bound float64) bool
	}
)

func (m equal) match(text []byte) bool {
	for _, word := range m {
		if len(word) == len(text) && hasPrefixFold(text, word) {
			return true
		}
	}
	return false
}

func (m oneOf) match(text []byte) bool {
	var buf [64]byte
	_, ok := m[string(appendFold(buf[:0], text))]
	return ok
}

func (m contains) match(text []byte) bool {
	return slices.ContainsFunc(m, func(word string) bool { return containsFold(text, word) })
}

func (m startsWith) match(text []byte) bool {
	return slices.ContainsFunc(m, func(word string) bool { return hasPrefixFold(text, word) })
}

func (m endsWith) match(text []byte) bool {
	for _, word := range m {
		if len(text) >= len(word) && hasPrefixFold(text[len(text)-len(word):], word) {
			return true
		}
	}
	return false
}

func (m matches) match(text []byte) bool {
	for _, re := range m {
		if re.Match(text) {
			return true
		}
	}
	return false
}

func (m *within) match(text []byte) bool {
	addr, reason := ioc.ParseAddr(text)
	return reason == ioc.OK && m.has(addr)
}

func (m compared) match(text []byte) bool {
	// No number is longer; a short string stays off the heap.
	if len(text) > 32 {
		return false
	}
	n, err := strconv.ParseFloat(string(text), 64)
	return err == nil && m.holds(n, m.bound)
}

func (m exists) match([]byte) bool { return bool(m) }

// bounds are the comparisons by the name of their modifier.
var bounds = map[string]func(a, b float64) bool{
	"gt":  func(a, b float64) bool { return a > b },
	"gte": func(a, b float64) bool { return a >= b },
	"lt":  func(a, b float64) bool { return a < b },
	"lte": func(a, b float64) bool { return a <= b },
}

// fewWords is up to how many words are compared one by one.
const fewWords = 8

func wordsMatcher(words []string) matcher {
	if len(words) <= fewWords {
		return equal(words)
	}
	m := oneOf{}
	for _, word := range words {
		m[word] = struct{}{}
	}
	return m
}

// fold lower-cases the ASCII letters of s: the case that conditions and paths
// do not see.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func hasPrefixFold(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}

func containsFold(text []byte, word string) bool {
	for ; len(text) >= len(word); text = text[1:] {
		if hasPrefixFold(text, word) {
			return true
		}
	}
	return false
}

// appendFold appends text to dst with its ASCII letters lower-cased.
func appendFold(dst, text []byte) []byte {
	n := len(dst)
	dst = append(dst, text...)
	for i, b := range dst[n:] {
		dst[n+i] = lower(b)
	}
	return dst
}
