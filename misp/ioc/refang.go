package ioc

import "bytes"

// Refang returns text with its indicators as they were before somebody made
// them harmless for reading: hxxp://evil[.]example becomes http://evil.example.
func Refang(text string) string { return string(appendRefanged(nil, []byte(text))) }

// bracketed are the ways to write a character in brackets, in lower case.
var bracketed = [...]struct{ in, out string }{
	{".", "."}, {"dot", "."}, {":", ":"}, {"://", "://"}, {"/", "/"}, {"@", "@"}, {"at", "@"},
}

// defangedSchemes are the ways to write a scheme, in lower case. What follows
// has to look like the rest of a URL.
var defangedSchemes = [...]struct{ in, out string }{
	{"hxxp", "http"}, {"h**p", "http"}, {"fxp", "ftp"},
}

func appendRefanged(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		out, n := "", 0
		switch c := text[i]; c {
		case '[', '(', '{':
			out, n = refangBracket(text[i:])
		case 'h', 'H', 'f', 'F':
			if i == 0 || !isAlnum(text[i-1]) {
				out, n = refangScheme(text[i:])
			}
		}
		if n > 0 {
			dst = append(dst, out...)
			i += n
		} else {
			dst = append(dst, text[i])
			i++
		}
	}
	return dst
}

// refangBracket returns what a bracket at the start of text stands for and
// how many bytes that takes, 0 if it is a bracket like any other.
func refangBracket(text []byte) (out string, n int) {
	const longest = len("[://]")
	closing := byte(']')
	switch text[0] {
	case '(':
		closing = ')'
	case '{':
		closing = '}'
	}
	end := bytes.IndexByte(text[:min(len(text), longest)], closing)
	if end < 0 {
		return "", 0
	}
	for _, form := range bracketed {
		if inner := text[1:end]; len(inner) == len(form.in) && hasPrefixFold(inner, form.in) {
			return form.out, end + 1
		}
	}
	return "", 0
}

func refangScheme(text []byte) (out string, n int) {
	for _, scheme := range defangedSchemes {
		if !hasPrefixFold(text, scheme.in) {
			continue
		}
		rest := text[len(scheme.in):]
		if len(rest) > 0 && lower(rest[0]) == 's' {
			rest = rest[1:]
		}
		if len(rest) > 0 && (rest[0] == ':' || rest[0] == '[') {
			return scheme.out, len(scheme.in)
		}
	}
	return "", 0
}
