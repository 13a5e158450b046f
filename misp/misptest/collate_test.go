package misptest

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"Bad.Example", "bad.example"},
		{"straße", "STRASSE"},
		{"Ａ１", "a1"},
		{"e\u0301", "E"},
		{"x  ", "x"},
		{"\u200b\x00", ""},
	} {
		if a, b := fold(c.a), fold(c.b); a != b {
			t.Errorf("%q and %q are not equal: %q, %q", c.a, c.b, a, b)
		}
	}
	for _, c := range []struct{ a, b string }{{" x", "x"}, {"\t", ""}, {"a\u00adb", "ab"}, {"\U0001F600", ""}} {
		if fold(c.a) == fold(c.b) {
			t.Errorf("%q and %q are equal", c.a, c.b)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "abc", "Évil ", "\u1e9e\u0130", "\u200b \x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if once := fold(s); fold(once) != once {
			t.Errorf("%q folds to %q and that to %q", s, once, fold(once))
		}
	})
}

// FuzzLike holds like to a regular expression of the same meaning.
func FuzzLike(f *testing.F) {
	for _, c := range [][2]string{{"%", ""}, {"a%", "abc"}, {"%b_d%", "abcd"}, {`100\%`, "100%"}, {"%a%a%b", "aaab"}, {`\`, `\`}, {`%\`, "x"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(s) || strings.HasSuffix(pattern, `\`) || len(pattern)+len(s) > 200 {
			return
		}
		var expression strings.Builder
		escaped := false
		for _, c := range pattern {
			switch {
			case !escaped && c == '\\':
				escaped = true
				continue
			case !escaped && c == '%':
				expression.WriteString(".*")
			case !escaped && c == '_':
				expression.WriteString(".")
			default:
				expression.WriteString(regexp.QuoteMeta(string(c)))
			}
			escaped = false
		}
		want := regexp.MustCompile("^(?s:" + expression.String() + ")$").MatchString(s)
		if got := like(pattern, s); got != want {
			t.Errorf("like(%q, %q) = %v", pattern, s, got)
		}
	})
}
