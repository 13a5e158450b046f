package rules

import (
	"fmt"
	"strings"
	"testing"
)

func TestLexicon(t *testing.T) {
	words := map[string]bitset{}
	long := strings.Repeat("x", 40)
	for i, word := range []string{"", "a", "ab", "abc", "ssh", "sshd", "web-log", "syscheck", "authentication_failed", long, "é", "ab`c"} {
		words[word] = bitset{uint64(i) + 1}
	}
	for i := range 500 {
		words[fmt.Sprintf("group-%d-of-many", i)] = bitset{uint64(i) << 8}
	}
	l := newLexicon(words)
	for word, rows := range words {
		for _, written := range []string{word, strings.ToUpper(word)} {
			if word == "é" {
				written = word // only ASCII letters fold
			}
			if got := l.rows([]byte(written)); got == nil || got[0] != rows[0] {
				t.Errorf("%q: got %v, want %v", written, got, rows)
			}
		}
	}
	for _, word := range []string{"b", "ac", "adc", "sshD ", "ssh\x00", "web_log", "group-500-of-many", "É", "AB@C", long + "x", long[1:]} {
		if got := l.rows([]byte(word)); got != nil {
			t.Errorf("%q: got %v", word, got)
		}
	}
}
