package event

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// FuzzScan holds the scanner against an oracle that decodes every event with
// the msgpack library and then looks the paths up in what it decoded.
func FuzzScan(f *testing.F) {
	f.Add(event(f, pairs{"a", "x", "b", pairs{"c", []any{1, "y", pairs{"d", true}}}, "b.c", -5}))
	f.Add(oldEvent(f, 1.5, pairs{"x", pairs{"any", "z", "n", nil}, "a", []any{[]any{float32(1)}, []byte("b")}}))
	f.Add(event(f, pairs{"x", pairs{"", "empty"}, "B.C", "y", "", "z"}))
	f.Add([]byte{0x92, 0x00, 0x81, 0xa1, 'a', 0xd3, 0xff, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{0x92, 0xc7, 0x01, 0x00, 0xff, 0xdf, 0, 0, 0, 1, 0xd9, 0x01, 'A', 0xca, 0x7f, 0x80, 0, 0})
	paths := []string{"a", "b.c", "b.c.d", "x.*"}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		if deepestArray(chunk) >= maxNesting {
			return // where the scanner stops on purpose
		}
		got := scan(scanner(t, paths...), paths, chunk)
		if want := oracle(paths, chunk); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// oracle is scan by way of the msgpack library.
func oracle(paths []string, chunk []byte) (events []string) {
	r := bytes.NewReader(chunk)
	d := msgpack.NewDecoder(r)
	for r.Len() > 0 {
		v, err := decode(d)
		if err != nil {
			break
		}
		outer, ok := v.([]any)
		if !ok || len(outer) != 2 {
			continue
		}
		record, ok := outer[1].(object)
		if !ok {
			continue
		}
		var found []string
		record.find(paths, nil, -1, func(path int, text string) {
			found = append(found, paths[path]+"="+text)
		})
		events = append(events, strings.Join(found, " "))
	}
	return events
}

// An object is a decoded map in its order; a key that is no string is nil.
type object []struct {
	key   *string
	value any
}

// find reports the values of o, which stands where prefix leads to; path is
// the one that ends there, -1 if none does.
func (o object) find(paths, prefix []string, path int, found func(path int, text string)) {
	for _, pair := range o {
		if pair.key == nil {
			continue
		}
		at, known := step(paths, prefix, *pair.key)
		switch {
		case known:
			findValue(paths, at, pair.value, found)
		case path >= 0:
			if text, ok := pair.value.(string); ok {
				found(path, text)
			}
		}
	}
}

func findValue(paths, at []string, v any, found func(path int, text string)) {
	path := -1
	for i, p := range paths {
		if p == strings.Join(at, ".") {
			path = i
		}
	}
	switch v := v.(type) {
	case string:
		if path >= 0 {
			found(path, v)
		}
	case object:
		if path >= 0 {
			found(path, "")
		}
		v.find(paths, at, path, found)
	case []any:
		for _, element := range v {
			findValue(paths, at, element, found)
		}
	}
}

// step returns where key leads to from prefix, whole or by its dotted parts.
func step(paths, prefix []string, key string) ([]string, bool) {
	try := func(prefix []string, key string) ([]string, bool) {
		for _, want := range []string{asciiLower(key), "*"} {
			at := append(append([]string(nil), prefix...), want)
			for _, p := range paths {
				if segments := strings.Split(p, "."); len(segments) >= len(at) && reflect.DeepEqual(segments[:len(at)], at) {
					return at, true
				}
			}
		}
		return nil, false
	}
	if at, ok := try(prefix, key); ok || !strings.Contains(key, ".") {
		return at, ok
	}
	at, ok := prefix, false
	for part := range strings.SplitSeq(key, ".") {
		if at, ok = try(at, part); !ok {
			return nil, false
		}
	}
	return at, true
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

// decode decodes one value: maps as objects, scalars as their text, nil and
// ext as nil.
func decode(d *msgpack.Decoder) (any, error) {
	code, err := d.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		n, err := d.DecodeMapLen()
		if err != nil {
			return nil, err
		}
		o := object{}
		for range n {
			key, err := decodeKey(d)
			if err != nil {
				return nil, err
			}
			value, err := decode(d)
			if err != nil {
				return nil, err
			}
			o = append(o, struct {
				key   *string
				value any
			}{key, value})
		}
		return o, nil
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		n, err := d.DecodeArrayLen()
		if err != nil {
			return nil, err
		}
		a := []any{}
		for range n {
			value, err := decode(d)
			if err != nil {
				return nil, err
			}
			a = append(a, value)
		}
		return a, nil
	case msgpcode.IsString(code), msgpcode.IsBin(code):
		n, err := d.DecodeBytesLen()
		if err != nil {
			return nil, err
		}
		b, err := read(d, n)
		return string(b), err
	case code == msgpcode.Nil:
		return nil, d.DecodeNil()
	case code == msgpcode.True, code == msgpcode.False:
		b, err := d.DecodeBool()
		return fmt.Sprint(b), err
	case code == msgpcode.Float:
		x, err := d.DecodeFloat32()
		return float(float64(x), 32), err
	case code == msgpcode.Double:
		x, err := d.DecodeFloat64()
		return float(x, 64), err
	case msgpcode.IsExt(code):
		_, n, err := d.DecodeExtHeader()
		if err != nil {
			return nil, err
		}
		_, err = read(d, n)
		return nil, err
	case code == msgpcode.Uint64:
		x, err := d.DecodeUint64()
		return fmt.Sprint(x), err
	default:
		x, err := d.DecodeInt64()
		return fmt.Sprint(x), err
	}
}

func decodeKey(d *msgpack.Decoder) (*string, error) {
	code, err := d.PeekCode()
	if err != nil {
		return nil, err
	}
	v, err := decode(d)
	if s, ok := v.(string); ok && (msgpcode.IsString(code) || msgpcode.IsBin(code)) {
		return &s, err
	}
	return nil, err
}

// read reads n bytes. A chunk of the fuzzer is never as long as a length in it
// can claim to be, so memory is bounded here.
func read(d *msgpack.Decoder, n int) ([]byte, error) {
	if n > 1<<20 {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, n)
	return b, d.ReadFull(b)
}

// deepestArray bounds from above how deep arrays are nested in a chunk.
func deepestArray(chunk []byte) int {
	n := 0
	for _, c := range chunk {
		if c >= 0x90 && c < 0xa0 || c == 0xdc || c == 0xdd {
			n++
		}
	}
	return n
}

func float(x float64, bits int) string { return strconv.FormatFloat(x, 'f', -1, bits) }
