package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// AppendAsJSON appends a msgpack value, whole as a [Scanner] has seen it, as
// JSON: fields in their order, bytes that are not UTF-8 as U+FFFD, ext as
// base64, and keys that are no strings as their JSON text.
func AppendAsJSON(dst, value []byte) []byte {
	dst, _ = appendAsJSON(dst, value, 0)
	return dst
}

func appendAsJSON(dst, b []byte, i int) (json []byte, next int) {
	c, body, n := header(b, i)
	data := b[body:]
	if c != array && c != mapping {
		data = data[:n]
	}
	switch c {
	case text:
		return appendQuoted(dst, string(data)), body + n
	case scalarNil:
		return append(dst, "null"...), body
	case scalarBool:
		return strconv.AppendBool(dst, b[i] == 0xc3), body
	case scalarInt:
		return appendInt(dst, b[i], data), body + n
	case scalarFloat:
		number := appendFloat(nil, data)
		if number[len(number)-1] > '9' { // NaN and the infinities
			number = []byte("null")
		}
		return append(dst, number...), body + n
	case ext:
		return appendQuoted(dst, base64.StdEncoding.EncodeToString(data)), body + n
	case array:
		dst = append(dst, '[')
		for at := range n {
			if at > 0 {
				dst = append(dst, ',')
			}
			dst, body = appendAsJSON(dst, b, body)
		}
		return append(dst, ']'), body
	default:
		dst = append(dst, '{')
		for at := range n {
			if at > 0 {
				dst = append(dst, ',')
			}
			dst, body = appendKey(dst, b, body)
			dst, body = appendAsJSON(append(dst, ':'), b, body)
		}
		return append(dst, '}'), body
	}
}

func appendKey(dst, b []byte, i int) (json []byte, next int) {
	if c, _, _ := header(b, i); c == text {
		return appendAsJSON(dst, b, i)
	}
	key, next := appendAsJSON(nil, b, i)
	return appendQuoted(dst, string(key)), next
}

func appendQuoted(dst []byte, s string) []byte {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a JSON form
	return append(dst, bytes.TrimSuffix(quoted.Bytes(), []byte{'\n'})...)
}

// AppendFieldAsJSON appends a field, a msgpack key and its value, as JSON.
func AppendFieldAsJSON(dst, field []byte) []byte {
	dst, value := appendKey(dst, field, 0)
	return AppendAsJSON(append(dst, ':'), field[value:])
}
