package host

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// event returns an event as Fluent Bit hands it to a filter, with these keys
// and values.
func event(fields ...any) []byte {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetSortMapKeys(true)
	e.UseCompactInts(true)
	_ = e.EncodeArrayLen(2)
	_ = e.EncodeArrayLen(2)
	_ = e.EncodeExtHeader(0, 8)
	b.WriteString("\x69\x22\x33\x44\x00\x0f\x42\x40")
	_ = e.EncodeMapLen(0)
	_ = e.EncodeMapLen(len(fields) / 2)
	for _, f := range fields {
		_ = e.Encode(f)
	}
	return b.Bytes()
}

// alert returns an event that has an address where Wazuh's decoders put one,
// among other things.
func alert(id, address string) []byte {
	return event(
		"id", id,
		"timestamp", "2026-02-03T04:05:06.789+0000",
		"rule", map[string]any{"level": 5, "groups": []string{"syslog", "sshd"}, "firedtimes": int64(1) << 40},
		"data", map[string]any{"srcip": address, "srcuser": "root"},
		"odd", []any{nil, true, -1, 1.5, float32(2.5), []byte{0xff, 0}, "\xff\xfe", map[string]any{}},
	)
}

// split takes a chunk apart into what it was before and what the plugin has
// added, by event.
func split(t *testing.T, chunk []byte) (before []byte, added []map[string]any) {
	t.Helper()
	var b bytes.Buffer
	d := msgpack.NewDecoder(bytes.NewReader(chunk))
	raw := func() msgpack.RawMessage {
		value, err := d.DecodeRaw()
		if err != nil {
			t.Fatalf("%x: %v", chunk, err)
		}
		return value
	}
	for {
		n, err := d.DecodeArrayLen()
		if err != nil {
			return b.Bytes(), added
		}
		if n != 2 {
			t.Fatalf("an event is an array of %d", n)
		}
		b.WriteByte(0x92)
		b.Write(raw())
		size, err := d.DecodeMapLen()
		if err != nil {
			t.Fatal(err)
		}
		var kept [][]byte
		fields := map[string]any{}
		for range size {
			key, value := raw(), raw()
			var name string
			if msgpack.Unmarshal(key, &name) == nil && strings.HasPrefix(name, "misp_") {
				var v any
				if err := msgpack.Unmarshal(value, &v); err != nil {
					t.Fatal(name, err)
				}
				fields[name] = v
				continue
			}
			kept = append(kept, key, value)
		}
		_ = msgpack.NewEncoder(&b).EncodeMapLen(len(kept) / 2)
		for _, part := range kept {
			b.Write(part)
		}
		added = append(added, fields)
	}
}
