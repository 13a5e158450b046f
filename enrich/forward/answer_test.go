package forward

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vmihailenco/msgpack/v5"
)

func TestAnswer(t *testing.T) {
	tests := []struct {
		name, in string
		want     any
		err      string
	}{
		{"acknowledgement", "\x81\xa3ack\xa2id", map[string]any{"ack": "id"}, ""},
		{"greeting", "\x92\xa4HELO\x82\xa5nonce\xc4\x02\xff\x00\xa9keepalive\xc3", []any{"HELO", map[string]any{"nonce": "\xff\x00", "keepalive": true}}, ""},
		{"wide", "\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x03ack\xda\x00\x02id", map[string]any{"ack": "id"}, ""},
		{"numbers and nil", "\x98\x07\xe0\xc0\xcc\x01\xcd\x01\x02\xd2\x01\x02\x03\x04\xcb12345678\xc2", []any{nil, nil, nil, nil, nil, nil, nil, false}, ""},
		{"a key that is no text", "\x81\x01\x02", map[string]any{}, ""},
		{"ends", "\x81\xa3ack\xa5id", nil, "EOF"},
		{"nothing", "", nil, "EOF"},
		{"a size that lies", "\xdf\xff\xff\xff\xff", nil, "EOF"},
		{"a long one", "\xdb\x00\x00\x20\x00" + strings.Repeat("x", 8<<10), nil, "it answers with more than 4096 bytes"},
		{"an extension", "\xd4\x00\x00", nil, "its answer is not one of the Forward protocol: byte 0xd4"},
		{"deep", strings.Repeat("\x91", 9), nil, "its answer is not one of the Forward protocol: it is nested deeply"},
	}
	for _, tt := range tests {
		a := answers{from: iotest.OneByteReader(strings.NewReader(tt.in))}
		got, err := a.next()
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: error %v, want %s", tt.name, err, tt.err)
			}
		} else if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %#v, %v, want %#v", tt.name, got, err, tt.want)
		}
	}
}

// Answers that come together are read apart.
func TestAnswersTogether(t *testing.T) {
	a := answers{from: strings.NewReader("\xa1a\xa1b\xa1c")}
	for _, want := range []string{"a", "b", "c"} {
		if got, err := a.next(); got != want || err != nil {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
	}
}

// What a target sends costs no more memory than its bytes, and what is read is
// what another reader finds there.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"\x81\xa3ack\xa2id", "\x92\xa4HELO\x81\xa5nonce\xc4\x02\xff\x00", "\xdd\xff\xff\xff\xff", "\xc1", "\xcf12345678"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, rest, err := parse(in, maxDepth)
		if err != nil {
			return
		}
		d := msgpack.NewDecoder(bytes.NewReader(in[:len(in)-len(rest)]))
		if other, err := d.DecodeRaw(); err != nil || len(other)+len(rest) != len(in) {
			t.Errorf("%x was read as %#v, another reader finds %x, %v", in, v, other, err)
		}
	})
}
