package event

import "encoding/binary"

// A class groups the msgpack formats that are treated alike.
type class uint8

const (
	scalarInt class = iota
	scalarFloat
	scalarBool
	scalarNil
	text // str and bin
	array
	mapping
	ext
	invalid
)

// header describes the msgpack value at b[i]: its class, where its body
// begins, and its length: in bytes for scalars, text and ext, in elements for
// an array, in pairs for a map. The body of a fixed integer, a boolean or nil
// is empty: the format byte holds it.
//
// A value that is cut off, and the one format byte that msgpack never uses,
// are invalid. The body of a text, a scalar or an ext lies within b.
func header(b []byte, i int) (c class, body, n int) {
	if uint(i) >= uint(len(b)) {
		return invalid, 0, 0
	}
	f := b[i]
	i++
	switch {
	case f < 0x80 || f >= 0xe0:
		return scalarInt, i, 0
	case f < 0x90:
		return mapping, i, int(f & 0x0f)
	case f < 0xa0:
		return array, i, int(f & 0x0f)
	case f < 0xc0:
		c, n = text, int(f&0x1f)
	default:
		form := formats[f-0xc0]
		c, n = form.class, int(form.fixed)
		if w := int(form.width); w > 0 {
			if len(b)-i < w {
				return invalid, 0, 0
			}
			n += size(b[i:], w)
			i += w
		}
	}
	if c <= ext && c != array && c != mapping && len(b)-i < n {
		return invalid, 0, 0
	}
	return c, i, n
}

// size reads an unsigned number of 1, 2 or 4 bytes.
func size(b []byte, width int) int {
	switch width {
	case 1:
		return int(b[0])
	case 2:
		return int(binary.BigEndian.Uint16(b))
	default:
		return int(binary.BigEndian.Uint32(b))
	}
}

// A format is one of the msgpack formats from 0xc0 to 0xdf: the width of its
// length field, and what its body has beyond that length.
type format struct {
	class        class
	width, fixed uint8
}

var formats = [32]format{
	0x00: {scalarNil, 0, 0},
	0x01: {invalid, 0, 0},
	0x02: {scalarBool, 0, 0}, // false
	0x03: {scalarBool, 0, 0}, // true
	0x04: {text, 1, 0},       // bin 8, 16, 32
	0x05: {text, 2, 0},
	0x06: {text, 4, 0},
	0x07: {ext, 1, 1}, // ext 8, 16, 32: a type byte precedes the data
	0x08: {ext, 2, 1},
	0x09: {ext, 4, 1},
	0x0a: {scalarFloat, 0, 4},
	0x0b: {scalarFloat, 0, 8},
	0x0c: {scalarInt, 0, 1}, // uint 8 to 64
	0x0d: {scalarInt, 0, 2},
	0x0e: {scalarInt, 0, 4},
	0x0f: {scalarInt, 0, 8},
	0x10: {scalarInt, 0, 1}, // int 8 to 64
	0x11: {scalarInt, 0, 2},
	0x12: {scalarInt, 0, 4},
	0x13: {scalarInt, 0, 8},
	0x14: {ext, 0, 2}, // fixext 1, 2, 4, 8, 16
	0x15: {ext, 0, 3},
	0x16: {ext, 0, 5},
	0x17: {ext, 0, 9},
	0x18: {ext, 0, 17},
	0x19: {text, 1, 0}, // str 8, 16, 32
	0x1a: {text, 2, 0},
	0x1b: {text, 4, 0},
	0x1c: {array, 2, 0},
	0x1d: {array, 4, 0},
	0x1e: {mapping, 2, 0},
	0x1f: {mapping, 4, 0},
}

// Whole reports whether b is one value of msgpack, all of it, so that no length
// in it is larger than b.
func Whole(b []byte) bool { return skip(b, 0) == len(b) }

// skip returns the offset behind the value at b[i], or -1 if it is not whole
// msgpack. It needs no stack, however deep the value is nested.
func skip(b []byte, i int) int {
	for left := 1; left > 0; left-- {
		if uint(i) >= uint(len(b)) {
			return -1
		}
		// The two formats of nearly all of an alert, before the general way.
		if f := b[i]; f >= 0xa0 && f < 0xc0 {
			i += 1 + int(f&0x1f)
			continue
		} else if f == 0xd9 && i+1 < len(b) {
			i += 2 + int(b[i+1])
			continue
		}
		c, body, n := header(b, i)
		switch c {
		case invalid:
			return -1
		case array:
			left += n
			i = body
		case mapping:
			left += 2 * n
			i = body
		default:
			i = body + n
		}
	}
	if i > len(b) {
		return -1
	}
	return i
}
