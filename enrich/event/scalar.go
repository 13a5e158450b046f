package event

import (
	"encoding/binary"
	"math"
	"strconv"

	"fluent-bit-misp/rules/fields"
)

// noteScalar notes a scalar as the text that JSON has for it. Nil and ext are
// no values.
func noteScalar(f *fields.Fields, path int32, c class, i, body, size int) {
	if t, ok := textOf(f, c, i, body, size); ok {
		f.Note(path, int32(i), t)
	}
}

// textOf returns where the text is of a scalar, and whether it has one.
func textOf(f *fields.Fields, c class, i, body, size int) (t fields.Text, ok bool) {
	if c == text {
		return fields.Text{Start: int32(body), End: int32(body + size)}, true
	}
	start := len(f.Scratch)
	data := f.Chunk[body : body+size]
	switch c {
	case scalarBool:
		f.Scratch = strconv.AppendBool(f.Scratch, f.Chunk[i] == 0xc3)
	case scalarInt:
		f.Scratch = appendInt(f.Scratch, f.Chunk[i], data)
	case scalarFloat:
		f.Scratch = appendFloat(f.Scratch, data)
	default:
		return fields.Nowhere, false
	}
	return fields.InScratch(start, len(f.Scratch)), true
}

// appendInt appends the decimal text of an integer with the given format byte
// and body.
func appendInt(dst []byte, format byte, body []byte) []byte {
	if len(body) == 0 {
		return strconv.AppendInt(dst, int64(int8(format)), 10)
	}
	var u uint64
	for _, b := range body {
		u = u<<8 | uint64(b)
	}
	if format < 0xd0 {
		return strconv.AppendUint(dst, u, 10)
	}
	unused := 64 - 8*len(body)
	return strconv.AppendInt(dst, int64(u<<unused)>>unused, 10)
}

// appendFloat appends the decimal text of a float of 4 or 8 bytes.
func appendFloat(dst, body []byte) []byte {
	if len(body) == 4 {
		x := math.Float32frombits(binary.BigEndian.Uint32(body))
		return strconv.AppendFloat(dst, float64(x), 'f', -1, 32)
	}
	return strconv.AppendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(body)), 'f', -1, 64)
}
