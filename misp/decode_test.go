package misp

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	full := Attribute{
		ID: 18, EventID: 3, ObjectID: 7, ObjectRelation: "ip", Category: "Network activity", Type: "ip-dst",
		Value: "203.0.113.7", Comment: "C2", UUID: "u-1", ToIDs: true, Timestamp: 1795460155,
		Tags: []string{"tlp:red", "own", "event's"},
		Event: Event{
			URL: "https://m/events/view/3", Info: "a campaign", UUID: "u-2", Org: "CERT", Date: "2026-11-01", ThreatLevel: 1, Published: true,
		},
	}
	noEvent := Event{} // and so no link to one
	tests := []struct {
		name, in string
		want     []Attribute
		err      string
	}{
		{
			name: "as MISP writes it",
			in: `{"response": {"Attribute": [{"id":"18","event_id":"3","object_id":"7","object_relation":"ip",
				"category":"Network activity","type":"ip-dst","to_ids":true,"uuid":"u-1","timestamp":"1795460155",
				"comment":"C2","deleted":false,"first_seen":null,"value":"203.0.113.7",
				"Tag":[{"id":"1","name":"tlp:red","local":0},{"name":"own"}],
				"Event":{"id":"3","date":"2026-11-01","threat_level_id":"1","info":"a campaign","published":true,"uuid":"u-2",
					"Tag":[{"name":"event's"},{"name":"tlp:red"}],"Orgc":{"id":"1","name":"CERT"}}}]}}`,
			want: []Attribute{full},
		},
		{
			name: "numbers and flags in other forms",
			in: `{"response": {"Attribute": [{"id":18,"event_id":3,"object_id":7,"object_relation":"ip",
				"category":"Network activity","type":"ip-dst","to_ids":"1","uuid":"u-1","timestamp":1795460155,
				"comment":"C2","value":"203.0.113.7","Tag":[{"name":"tlp:red"},{"name":"own"},{"name":"event's"}],
				"Event":{"date":"2026-11-01","threat_level_id":1,"info":"a campaign","published":1,"uuid":"u-2","Orgc":{"name":"CERT"}}}]}}`,
			want: []Attribute{full},
		},
		{
			name: "everything null",
			in: `{"response": {"Attribute": [{"id":null,"object_relation":null,"to_ids":null,"timestamp":null,
				"value":null,"Tag":null,"Event":null}]}}`,
			want: []Attribute{{Event: noEvent}},
		},
		{
			name: "a value that PHP took for a number, or for a flag",
			in:   `{"response": {"Attribute": [{"value":4444,"comment":true,"id":false,"to_ids":0}, {"id":true,"to_ids":""}]}}`,
			want: []Attribute{{Value: "4444", Comment: "true", Event: noEvent}, {ID: 1, Event: noEvent}},
		},
		{
			name: "odd fields and rows",
			in: `{"response": {"Attribute": [
				{"value":"a","Event":[],"Tag":{},"object_relation":[],"to_ids":"yes","timestamp":"2026-01-01","id":1.0,"comment":{"x":["y"]}},
				{"value":"b","Event":{"info":"i","Orgc":[],"Tag":["x",["y"],{"name":["z"]},{"name":"t"}]},"event_id":"3","id":"99999999999999999999"},
				{"value":"c","Event":"x","Tag":7,"to_ids":[],"id":1e3,"uuid":false}, {"value":{"x":1}}, [1], "x", null, 7]}}`,
			want: []Attribute{
				{Value: "a", ID: 1, Event: noEvent},
				{Value: "b", EventID: 3, Tags: []string{"t"}, Event: Event{URL: "https://m/events/view/3", Info: "i"}},
				{Value: "c", ID: 1000, UUID: "false", Event: noEvent},
				{Event: noEvent}, {Event: noEvent}, {Event: noEvent}, {Event: noEvent}, {Event: noEvent},
			},
		},
		{name: "none", in: `{"response": {"Attribute": []}}`},
		{name: "none, from an old MISP", in: `{"response":[]}`},
		{name: "with more around it", in: `{"meta": {"a": [1]}, "response": {"x": null, "Attribute": []}, "y": "z"} ` + "\n"},

		{name: "empty", in: "", err: "unexpected EOF"},
		{name: "cut in a row", in: `{"response": {"Attribute": [{"id":"1"`, err: "unexpected EOF"},
		{name: "cut after a row", in: `{"response": {"Attribute": [{"id":"1"}`, want: []Attribute{{ID: 1, Event: noEvent}}, err: "unexpected EOF"},
		{name: "cut after the rows", in: `{"response": {"Attribute": []`, err: "unexpected EOF"},
		{name: "cut before the end", in: `{"response": {"Attribute": []}`, err: "unexpected EOF"},
		{name: "more after it", in: `{"response": []} {}`, err: "there is more after its end"},
		{name: "a page", in: "<html>", err: "invalid character '<' looking for beginning of value"},
		{name: "a list", in: "[]", err: "it is not an object"},
		{name: "an error of MISP with status 200", in: `{"name":"x","message":"y"}`, err: `there is no "response" in it`},
		{name: "a word", in: `{"response": "none"}`, err: `"response" is not an object`},
		{name: "null", in: `{"response": null}`, err: `"response" is not an object`},
		{name: "events", in: `{"response": [{"Event": {}}]}`, err: `"response" is a list with something in it`},
		{name: "no attributes", in: `{"response": {}}`, err: `there is no "Attribute" in its "response"`},
		{name: "attributes by number", in: `{"response": {"Attribute": {"0": {}}}}`, err: `"Attribute" is not a list`},
		{name: "twice", in: `{"response": [], "response": []}`, err: `"response" comes twice`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeAll(tt.in)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if message(err) != tt.err {
				t.Errorf("error %q, want %q", message(err), tt.err)
			}
		})
	}
}

func TestDecodeStops(t *testing.T) {
	enough := errors.New("enough")
	rows := 0
	err := decode(strings.NewReader(`{"response":{"Attribute":[{},{},{}]}}`), func(*row) error {
		rows++
		return enough
	})
	if err != enough || rows != 1 {
		t.Errorf("%d rows, %v; want 1 row and the error of the function", rows, err)
	}
}

// TestAttributeIsBounded: a hit must stay small, whatever MISP says.
func TestAttributeIsBounded(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	var tags []string
	for i := range 300 {
		tags = append(tags, fmt.Sprintf(`{"name":"%d%s"}`, i%200, strings.Repeat("x", i%200)))
	}
	list := strings.Join(tags, ",") + `,{"name":"` + long + `"}`
	got, err := decodeAll(strings.ReplaceAll(`{"response":{"Attribute":[{"object_relation":"L","category":"L","type":"L","value":"L","comment":"L","uuid":"L","Tag":[`+list+`],
		"Event":{"info":"L","uuid":"L","date":"L","Orgc":{"name":"L"},"Tag":[`+list+`]}}]}}`, `"L"`, `"`+long+`"`))
	if err != nil {
		t.Fatal(err)
	}
	a := got[0]
	for text, max := range map[*string]int{
		&a.Value: 4096, &a.Comment: 4096, &a.Event.Info: 4096,
		&a.ObjectRelation: 256, &a.Category: 256, &a.Type: 256, &a.UUID: 256, &a.Event.UUID: 256, &a.Event.Org: 256, &a.Event.Date: 256,
	} {
		if len(*text) > max || len(*text) < max-2 || !strings.HasSuffix(*text, "é…") {
			t.Errorf("a text has %d bytes of %d and ends in %q", len(*text), max, (*text)[len(*text)-8:])
		}
	}
	if size := len(strings.Join(a.Tags, "")); len(a.Tags) != 100 || size > 8192 {
		t.Errorf("%d tags of %d bytes", len(a.Tags), size)
	}
	if got, _ := decodeAll(`{"response":{"Attribute":[{"Tag":[{"name":"` + long + `"}` + strings.Repeat(`,{"name":"a`+long+`"}`, 2) + `]}]}}`); len(got[0].Tags) != 2 || len(got[0].Tags[0]) > 256 {
		t.Errorf("%d tags", len(got[0].Tags))
	}
}

// FuzzDecode checks that no answer makes the decoder panic, and that an answer
// that is accepted is never accepted when its end is missing: half an answer
// must not pass for a whole one.
func FuzzDecode(f *testing.F) {
	f.Add(`{"response": {"Attribute": [{"id":"18","value":"x","Tag":[{"name":"a"}],"Event":{"Orgc":{"name":"b"}}}]}}`)
	f.Add(`{"response":[]}`)
	f.Add(`{"a":[{"b":null}],"response":{"Attribute":[{"to_ids":0,"id":1.5}]}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		whole, err := decodeAll(answer)
		if err != nil {
			return
		}
		for _, a := range whole {
			if len(a.Comment) > maxText || len(a.Tags) > maxTags {
				t.Fatalf("too long: %d bytes of comment, %d tags", len(a.Comment), len(a.Tags))
			}
		}
		answer = strings.TrimRight(answer, " \t\r\n")
		for cut := range answer {
			if _, err := decodeAll(answer[:cut]); err == nil {
				t.Fatalf("accepted without its last %d bytes", len(answer)-cut)
			}
		}
	})
}

func decodeAll(answer string) (all []Attribute, err error) {
	err = decode(strings.NewReader(answer), func(r *row) error {
		all = append(all, *r.attribute("https://m"))
		return nil
	})
	return all, err
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
