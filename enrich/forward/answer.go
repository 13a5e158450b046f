package forward

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What a target says is short: a greeting with a name and proofs in it, an id.
// It is read from a stranger, so that its size and depth are bounded, whatever
// sizes it claims.
const (
	maxAnswer = 4 << 10 // bytes
	maxDepth  = 4
)

var errShort = errors.New("the answer goes on")

// answers reads what a target says.
type answers struct {
	from io.Reader
	buf  [maxAnswer]byte
	size int // of what is in buf
}

// next reads one answer: a string (also for binary), bool, nil, []any or
// map[string]any; a number is nil too.
func (a *answers) next() (any, error) {
	for {
		if a.size > 0 {
			v, rest, err := parse(a.buf[:a.size], maxDepth)
			if err != errShort {
				if err == nil {
					a.size = copy(a.buf[:], rest)
				}
				return v, err
			}
		}
		if a.size == len(a.buf) {
			return nil, fmt.Errorf("it answers with more than %d bytes", maxAnswer)
		}
		n, err := a.from.Read(a.buf[a.size:])
		a.size += n
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// parse reads one value in msgpack and returns what is behind it. The error is
// errShort if b ends within the value.
func parse(b []byte, depth int) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errShort
	}
	head, b := b[0], b[1:]
	switch {
	case head <= 0x7f || head >= 0xe0:
		return nil, b, nil
	case head <= 0x8f:
		return parseMap(b, int(head&0xf), depth)
	case head <= 0x9f:
		return parseList(b, int(head&0xf), depth)
	case head <= 0xbf:
		return parseString(b, int(head&0x1f))
	case head == 0xc0:
		return nil, b, nil
	case head == 0xc2 || head == 0xc3:
		return head == 0xc3, b, nil
	case head >= 0xca && head <= 0xd3: // numbers
		_, rest, err := parseString(b, [...]int{4, 8, 1, 2, 4, 8, 1, 2, 4, 8}[head-0xca])
		return nil, rest, err
	}
	width, known := map[byte]int{0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4, 0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4}[head]
	if !known {
		return nil, nil, fmt.Errorf("its answer is not one of the Forward protocol: byte %#02x", head)
	}
	if len(b) < width {
		return nil, nil, errShort
	}
	var wide [4]byte
	copy(wide[4-width:], b)
	size, b := int(binary.BigEndian.Uint32(wide[:])), b[width:]
	switch {
	case head <= 0xdb:
		return parseString(b, size)
	case head <= 0xdd:
		return parseList(b, size, depth)
	}
	return parseMap(b, size, depth)
}

func parseString(b []byte, size int) (any, []byte, error) {
	if len(b) < size {
		return nil, nil, errShort
	}
	return string(b[:size]), b[size:], nil
}

func parseList(b []byte, size, depth int) (any, []byte, error) {
	if depth == 0 {
		return nil, nil, errors.New("its answer is not one of the Forward protocol: it is nested deeply")
	}
	var list []any
	for range size {
		v, rest, err := parse(b, depth-1)
		if err != nil {
			return nil, nil, err
		}
		list, b = append(list, v), rest
	}
	return list, b, nil
}

func parseMap(b []byte, size, depth int) (any, []byte, error) {
	m := map[string]any{}
	for range size {
		pair, rest, err := parseList(b, 2, depth)
		if err != nil {
			return nil, nil, err
		}
		if key, ok := pair.([]any)[0].(string); ok {
			m[key] = pair.([]any)[1]
		}
		b = rest
	}
	return m, b, nil
}
