package ioc

import (
	"bytes"
	"strings"
	"testing"
)

// checkSafe fails if MISP would take value for anything but itself.
func checkSafe(t *testing.T, value string) {
	t.Helper()
	if value == "" || strings.TrimSpace(value) != value {
		t.Errorf("%q is empty or has space at an end", value)
	}
	if strings.HasPrefix(value, "!") || strings.HasPrefix(value, "%") || strings.HasSuffix(value, "%") ||
		strings.Contains(value, "&&") || strings.Contains(value, "||") {
		t.Errorf("%q has an operator of MISP's search", value)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("%q has a character that is not printable ASCII", value)
	}
}

// checkIndicator fails if i is unsafe, or if normalising it changes it.
func checkIndicator(t *testing.T, i Indicator) {
	t.Helper()
	checkSafe(t, i.Value())
	if again, reason := Normalize(i.Kind(), i.Value()); reason != OK || again != i {
		t.Errorf("%s: twice gives %v, %s", i, again, reason)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, values := range values {
		for _, v := range values {
			f.Add(v.in)
		}
	}
	f.Fuzz(func(t *testing.T, in string) {
		raw := []byte(in)
		var b Buffer
		for _, kind := range Kinds() {
			i, reason := b.Add(kind, raw)
			if reason != OK {
				if !i.IsZero() {
					t.Errorf("%s %q: %v in spite of %s", kind, in, i, reason)
				}
				continue
			}
			checkIndicator(t, i)
			switch kind {
			case URL:
				if host, reason := b.Host(i); reason == OK {
					checkIndicator(t, host)
				} else if reason != PublicSuffix {
					t.Errorf("host of %s: %s", i, reason)
				}
			case Domain:
				for _, parent := range b.Parents(nil, i) {
					checkIndicator(t, parent)
				}
			}
		}
		if kind := Guess(raw); kind != None {
			if _, reason := b.Add(kind, raw); reason != OK {
				t.Errorf("%q is guessed to be %s: %s", in, kind, reason)
			}
		}
		if string(raw) != in {
			t.Errorf("%q was changed to %q", in, raw)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, test := range texts {
		f.Add(test.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		raw := []byte(in)
		var b Buffer
		var found []Indicator
		b.Text(raw, func(i Indicator) { found = append(found, i) })
		for _, i := range found {
			checkIndicator(t, i)
		}
		if string(raw) != in {
			t.Errorf("%q was changed to %q", in, raw)
		}
		// Text around, with space between, changes nothing.
		var framed []Indicator
		b.Text(bytes.Join([][]byte{[]byte("see"), raw, []byte("again")}, []byte(" \n ")), func(i Indicator) { framed = append(framed, i) })
		if len(framed) != len(found) {
			t.Errorf("%q: found %v, in a frame %v", in, found, framed)
		}
	})
}
