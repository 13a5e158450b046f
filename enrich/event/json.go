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
			dst = AppendArray(dst, n)
		}
		return append(dst, elements...), nil
	case string:
		return AppendString(dst, v), nil
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
