package event

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func TestAppendJSON(t *testing.T) {
	at := time.Unix(0x65000001, 2)
	tests := []struct {
		name, line string
		want       pairs
		err        string
	}{
		{"an alert", `{"b":"x","a":{"n":[1,-1,300,-7000000000,18446744073709551615,1.5,null,true,false]}}`,
			pairs{"b", "x", "a", pairs{"n", []any{1, -1, int64(300), int64(-7000000000), uint64(1<<64 - 1), 1.5, nil, true, false}}}, ""},
		{"nothing in it", ` {} `, pairs{}, ""},
		{"the same key twice", `{"a":"1","a":"2"}`, pairs{"a", "1", "a", "2"}, ""},
		{"a number too large", `{"a":1e999}`, nil, `not a JSON object: strconv.ParseFloat: parsing "1e999": value out of range`},
		{"text", `"x"`, nil, "not a JSON object"},
		{"cut off", `{"a":`, nil, "not a JSON object: EOF"},
		{"nested without end", strings.Repeat("[", 20000), nil, "not a JSON object: it is nested too deep"},
		{"an empty line", ``, nil, "not a JSON object: EOF"},
		{"two objects", `{} {}`, nil, "not a JSON object: there is more behind it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendJSON(nil, at, []byte(tt.line))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err || got != nil {
					t.Fatalf("got %x, %v; want the error %q", got, err, tt.err)
				}
				return
			}
			if want := event(t, tt.want); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got  %x, %v\nwant %x", got, err, want)
			}
		})
	}
}

func TestJSONThereAndBack(t *testing.T) {
	for _, line := range []string{
		`{}`,
		`{"b":"x","a":{"n":[1,-1,300,-7000000000,18446744073709551615,1.5,null,true,false,[]],"o":{}}}`,
		`{"a":"quotes \" and \\ and \u0001","ü":"é"}`,
		`{"long":"` + strings.Repeat("x", 70000) + `","a":"` + strings.Repeat("y", 40) + `"}`,
	} {
		chunk, err := AppendJSON(nil, time.Unix(0, 0), []byte(line))
		if err != nil {
			t.Fatal(err)
		}
		s := scanner(t)
		s.Reset(chunk)
		if !s.Next() {
			t.Fatalf("%.80s: no event", line)
		}
		if got := AppendAsJSON(nil, chunk[s.Event().Record:]); string(got) != line {
			t.Errorf("got %.200s\nwant %.200s", got, line)
		}
	}
}

func TestAsJSONOfWhatJSONHasNot(t *testing.T) {
	record := pack(t, pairs{1, []byte("raw"), "ext", msgpack.RawMessage{0xd4, 5, 0xff}, "bad", "\xff", "nan", math.NaN(), "inf", math.Inf(-1)})
	if got, want := string(AppendAsJSON(nil, record)), `{"1":"raw","ext":"Bf8=","bad":"\ufffd","nan":null,"inf":null}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
