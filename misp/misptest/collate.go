package misptest

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold returns the text by which MISP's database compares: two texts are equal
// under its collation (utf8mb3_unicode_ci) if their folds are. Case, accents,
// width, ignorable characters and spaces at the end make no difference.
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return foldUnicode(s)
		}
	}
	return strings.TrimRight(strings.ToLower(s), " ")
}

func foldUnicode(s string) string {
	s = norm.NFKD.String(strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Map(func(r rune) rune {
		if ignorable(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(sameLetters.Replace(strings.ToLower(s)), " ")
}

// sameLetters are lower-case letters that compare equal to others.
var sameLetters = strings.NewReplacer("ß", "ss", "ς", "σ")

// ignorable reports whether the collation (UCA 4.0.0) gives r no weight. White
// space and the soft hyphen have one, and so has all beyond three bytes.
func ignorable(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r == '\u0085', r == '\u00ad', r > 0xffff:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn, unicode.Me)
}

// like reports whether s matches an SQL LIKE pattern; both are folded.
func like(pattern, s string) bool {
	p, t := []rune(pattern), []rune(s)
	var i, j int
	star, mark := -1, 0 // the last % seen, and where in t it was tried
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '%':
			star, mark = i, j
			i++
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == t[j]:
			i, j = i+2, j+1
		case i < len(p) && p[i] != '\\' && (p[i] == '_' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '%' {
		i++
	}
	return i == len(p)
}
