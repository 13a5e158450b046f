package event

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// AppendJSON appends a log event of the given time to a chunk, its record being
// the one JSON object that line holds, as Fluent Bit's JSON parser would make
// it: fields in their order, whole numbers as integers. It serves tools and
// tests; no event of Fluent Bit goes this way.
func AppendJSON(chunk []byte, at time.Time, line []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	record, err := appendValue(nil, d, maxDepth)
	if err != nil {
		return chunk, fmt.Errorf("not a JSON object: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return chunk, errors.New("not a JSON object: there is more behind it")
	}
	if c, _, _ := header(record, 0); c != mapping {
		return chunk, errors.New("not a JSON object")
	}
	chunk = append(chunk, 0x92, 0x92, 0xd7, 0x00)
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(at.Unix()))
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(at.Nanosecond()))
	return append(append(chunk, 0x80), record...), nil
}

// maxDepth is how deep JSON may be nested; encoding/json has the same bound for
// whole values.
const maxDepth = 10_000

func appendValue(dst []byte, d *json.Decoder, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errors.New("it is nested too deep")
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		var elements []byte
		n := 0
		for ; d.More(); n++ {
			if elements, err = appendValue(elements, d, depth-1); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if v == '{' {
			dst = appendHeader(dst, 0x80, 0xde, n/2)
		} else {
			dst = appendHeader(dst, 0x90, 0xdc, n)
		}
		return append(dst, elements...), nil
	case string:
		return appendText(dst, v), nil
	case json.Number:
		return appendNumber(dst, v)
	case bool:
		if v {
			return append(dst, 0xc3), nil
		}
		return append(dst, 0xc2), nil
	}
	return append(dst, 0xc0), nil
}

// appendHeader appends the header of a map or an array of n, given its format
// for up to 15 elements and the one with a length of 16 bits.
func appendHeader(dst []byte, short, long byte, n int) []byte {
	switch {
	case n < 1<<4:
		return append(dst, short|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}

func appendText(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 1<<5:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}

func appendNumber(dst []byte, number json.Number) ([]byte, error) {
	if n, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		if -32 <= n && n < 128 {
			return append(dst, byte(n)), nil
		}
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n)), nil
	}
	if n, err := strconv.ParseUint(number.String(), 10, 64); err == nil {
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), n), nil
	}
	f, err := number.Float64()
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(f)), nil
}
