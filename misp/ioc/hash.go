package ioc

import (
	"bytes"
	"encoding/base64"
)

const notHex = 0xff

// hexValue maps a hexadecimal digit of either case to its value.
var hexValue = func() (values [256]byte) {
	for c := range values {
		values[c] = notHex
	}
	for i, c := range []byte(hexDigits) {
		values[c], values[upper(c)] = byte(i), byte(i)
	}
	return values
}()

const hexDigits = "0123456789abcdef"

// digest returns the append function of a hash or fingerprint of that many
// bytes. It takes hexadecimal of either case, also with a colon between the
// bytes, and standard base64 with or without padding; it makes hexadecimal in
// lower case. A digest of zeros is how logs say that there is none.
func digest(size int) func(dst, raw []byte) ([]byte, Reason) {
	return func(dst, raw []byte) ([]byte, Reason) {
		start := len(dst)
		switch len(raw) {
		case 2 * size:
			dst = append(dst, raw...)
		case 3*size - 1:
			for i := 0; i < len(raw); i += 3 {
				if i > 0 && raw[i-1] != ':' {
					return dst, Malformed
				}
				dst = append(dst, raw[i], raw[i+1])
			}
		default:
			return appendBase64(dst, raw, size)
		}
		return dst, hexLower(dst[start:])
	}
}

// hexLower puts text, which must be hexadecimal, into lower case.
func hexLower(text []byte) Reason {
	var nonzero byte
	for i, c := range text {
		digit := hexValue[c]
		if digit == notHex {
			return Malformed
		}
		nonzero |= digit
		text[i] = hexDigits[digit]
	}
	if nonzero == 0 {
		return NoValue
	}
	return OK
}

var strictBase64 = base64.RawStdEncoding.Strict()

func appendBase64(dst, raw []byte, size int) ([]byte, Reason) {
	sum, ok := decodeBase64(raw, size)
	if !ok {
		return dst, Malformed
	}
	start := len(dst)
	for _, c := range sum[:size] {
		dst = append(dst, hexDigits[c>>4], hexDigits[c&0xf])
	}
	return dst, hexLower(dst[start:])
}

func decodeBase64(raw []byte, size int) (sum [64]byte, ok bool) {
	if len(raw) == base64.StdEncoding.EncodedLen(size) {
		raw = bytes.TrimRight(raw, "=")
	}
	if len(raw) != base64.RawStdEncoding.EncodedLen(size) {
		return sum, false
	}
	// The decoder skips line ends, so the count is part of the check.
	n, err := strictBase64.Decode(sum[:], raw)
	return sum, err == nil && n == size
}

// HashKind returns the kind of file hash that raw has the form of: MD5, SHA1,
// SHA256 or SHA512, by its length in hexadecimal or in padded base64. It is
// None if raw is no hash.
func HashKind(raw []byte) Kind {
	raw = trim(raw)
	for _, form := range [...]struct {
		kind Kind
		size int
	}{{MD5, 16}, {SHA1, 20}, {SHA256, 32}, {SHA512, 64}} {
		switch len(raw) {
		case 2 * form.size:
			if isHex(raw) {
				return form.kind
			}
		case base64.StdEncoding.EncodedLen(form.size):
			if _, ok := decodeBase64(raw, form.size); ok {
				return form.kind
			}
		}
	}
	return None
}

func isHex(text []byte) bool {
	for _, c := range text {
		if hexValue[c] == notHex {
			return false
		}
	}
	return true
}
