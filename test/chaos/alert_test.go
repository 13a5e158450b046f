package chaos

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-misp/misp/misptest"
)

// known is how many indicators MISP knows; alerts carry them in turn.
const known = 3000

// indicator returns the n-th indicator that MISP knows, or does not, the path at
// which an alert has it, and its type in MISP.
func indicator(n int, listed bool) (value, path, typ string) {
	word, network := "clean", "2001:db8:2"
	if listed {
		n, word, network = n%known, "listed", "2001:db8:1"
	}
	switch n % 3 {
	case 0:
		return fmt.Sprintf("%s:%x::%x", network, n>>16+1, n&0xffff+1), "data.srcip", "ip-src"
	case 1:
		return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, word, n))), "syscheck.sha256_after", "sha256"
	}
	return fmt.Sprintf("host.%s-%d.example", word, n), "data.dns.rrname", "domain"
}

// database returns what MISP knows.
func database() *misptest.Database {
	event := misptest.Event{Info: "Chaos", Published: true, Tags: misptest.Tags("tlp:green")}
	for n := range known {
		value, _, typ := indicator(n, true)
		event.Attributes = append(event.Attributes, misptest.Attribute{
			Type: typ, Category: "Network activity", Value: value, Comment: "listed", ToIDs: true,
		})
	}
	db := &misptest.Database{}
	db.Add(event)
	return db
}

// alert returns an event that carries one indicator that MISP knows, if it is
// listed, and one that it does not.
func alert(id string, n int, listed bool) []byte {
	value, path, _ := indicator(n, listed)
	groups := map[string]map[string]any{
		"data":     {"dstip": fmt.Sprintf("2001:db8:3:%x::%x", n>>16+1, n&0xffff+1), "port": n},
		"rule":     {"level": n % 16, "id": "5710", "description": "Chaos"},
		"syscheck": {"event": "added"},
	}
	group, key, _ := strings.Cut(path, ".")
	if head, name, nested := strings.Cut(key, "."); nested {
		groups[group][head] = map[string]any{name: value}
	} else {
		groups[group][key] = value
	}
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.SetSortMapKeys(true)
	e.UseCompactInts(true)
	b.WriteString("\x92\x92\xd7\x00\x69\x22\x33\x44\x00\x0f\x42\x40\x80")
	fields := []any{
		"id", id, "timestamp", "2026-02-03T04:05:06.789+0000",
		"rule", groups["rule"], "data", groups["data"], "syscheck", groups["syscheck"],
		"odd", []any{nil, true, -1, 1.5, float32(2.5), []byte{0xff, 0}, "\xff\xfe", map[string]any{}},
	}
	_ = e.EncodeMapLen(len(fields) / 2)
	for _, f := range fields {
		_ = e.Encode(f)
	}
	return b.Bytes()
}

// A record is what is read of one that came out.
type record struct {
	id, verdict string
	before      []byte // the event without what was added
	at          time.Time
}

// parse takes a chunk apart.
func parse(chunk []byte) (records []record, err error) {
	d := msgpack.NewDecoder(bytes.NewReader(chunk))
	for {
		n, err := d.DecodeArrayLen()
		if err == io.EOF {
			return records, nil
		}
		if err != nil || n != 2 {
			return nil, fmt.Errorf("an event is an array of %d: %w", n, err)
		}
		header, err := d.DecodeRaw()
		if err != nil {
			return nil, err
		}
		size, err := d.DecodeMapLen()
		if err != nil {
			return nil, err
		}
		r := record{at: time.Unix(int64(binary.BigEndian.Uint32(header[3:])), 0)} // all are in the form of alert
		var kept []byte
		n = 0
		for range size {
			key, err := d.DecodeRaw()
			if err != nil {
				return nil, err
			}
			value, err := d.DecodeRaw()
			if err != nil {
				return nil, err
			}
			var name string
			_ = msgpack.Unmarshal(key, &name)
			switch name {
			case "id":
				_ = msgpack.Unmarshal(value, &r.id)
			case "misp_verdict":
				_ = msgpack.Unmarshal(value, &r.verdict)
			}
			if !strings.HasPrefix(name, "misp_") {
				kept = append(append(kept, key...), value...)
				n++
			}
		}
		var b bytes.Buffer
		b.WriteByte(0x92)
		b.Write(header)
		_ = msgpack.NewEncoder(&b).EncodeMapLen(n)
		b.Write(kept)
		r.before = b.Bytes()
		records = append(records, r)
	}
}
