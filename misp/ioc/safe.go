package ioc

import "bytes"

// trim removes the space at both ends.
func trim(raw []byte) []byte { return bytes.TrimSpace(raw) }

// absent reports whether raw is what logs write where they have no value.
func absent(raw []byte) bool {
	var word [len("undefined")]byte
	if len(raw) > len(word) {
		return false
	}
	for i, c := range raw {
		word[i] = lower(c)
	}
	switch string(word[:len(raw)]) {
	case "-", "--", "*", "null", "(null)", "<null>", "nil", "<nil>", "none", "n/a", "unknown", "undefined", "sanitized":
		return true
	}
	return false
}

// safe says whether MISP takes text as it stands, or why not. MISP gives a
// meaning to some characters, and skips others when it compares: a value that
// comes down to nothing, or to a wildcard, is answered with everything that
// MISP has.
func safe(text []byte) Reason {
	if len(text) == 0 {
		return Empty
	}
	var last byte
	for _, c := range text {
		if c < ' ' || c > '~' {
			return NotPrintable
		}
		if c == last && (c == '&' || c == '|') {
			return Operator
		}
		last = c
	}
	if text[0] == '!' || text[0] == '%' || last == '%' {
		return Operator
	}
	if text[0] == ' ' || last == ' ' {
		return Malformed
	}
	return OK
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// lower returns c, in lower case if it is an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// upper returns c, in upper case if it is an ASCII letter.
func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c &^ 0x20
	}
	return c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }

// hasPrefixFold reports whether text begins with prefix, which is in lower
// case, in whatever case text is.
func hasPrefixFold(text []byte, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(text[i]) != prefix[i] {
			return false
		}
	}
	return true
}
