package ioc

import (
	"bytes"
	"strings"
)

const maxLocal = 64

// appendEmail takes an e-mail address, alone, in angle brackets or behind a
// display name, and puts all of it into lower case as MISP does.
func appendEmail(dst, raw []byte) ([]byte, Reason) {
	if open := bytes.LastIndexByte(raw, '<'); open >= 0 && raw[len(raw)-1] == '>' {
		raw = raw[open+1 : len(raw)-1]
	}
	at := bytes.LastIndexByte(raw, '@')
	if at < 1 {
		return dst, Malformed
	}
	if at > maxLocal {
		return dst, TooLong
	}
	start := len(dst)
	for _, c := range raw[:at] {
		if !isLocal(c) {
			return dst, Malformed
		}
		dst = append(dst, lower(c))
	}
	dst, _, reason := appendName(append(dst, '@'), raw[at+1:])
	if reason != OK {
		return dst, reason
	}
	return dst, safe(dst[start:])
}

// isLocal reports whether c may stand before the @, unquoted.
func isLocal(c byte) bool {
	return isAlnum(c) || strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) >= 0
}
