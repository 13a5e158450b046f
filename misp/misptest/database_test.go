package misptest

import (
	"strings"
	"sync"
	"testing"
)

func TestAddWhileServing(t *testing.T) {
	db := &Database{}
	s := New(db)
	if got := found(t, s, "new.example"); got != "" {
		t.Errorf("in an empty database: %q", got)
	}
	event := db.Add(Event{Info: "first", Attributes: []Attribute{{Type: "domain", Value: "new.example"}}})
	second := db.AddAttribute(event, Attribute{Type: "domain|ip", Value: "New.example|192.0.2.1"})
	if got := found(t, s, "new.example"); got != "1 2" || second != 2 {
		t.Errorf("added: %q, the second as %d", got, second)
	}
	if other := db.Add(Event{ID: event, Info: "the id is taken"}); other == event {
		t.Errorf("a second event %d", other)
	}
	if !db.Delete(1) || db.Delete(99) {
		t.Error("Delete does not tell what is there")
	}
	if got := found(t, s, "new.example"); got != "2" {
		t.Errorf("after the deletion: %q", got)
	}
}

// TestAddAndSearchAtOnce is for the race detector.
func TestAddAndSearchAtOnce(t *testing.T) {
	db := Sample()
	s := New(db)
	var adding sync.WaitGroup
	adding.Go(func() {
		for range 100 {
			db.Delete(db.AddAttribute(1, Attribute{Type: "domain", Value: "new.example"}))
			db.Add(Event{Attributes: []Attribute{{Type: "domain", Value: "new.example"}}})
		}
	})
	for range 100 {
		found(t, s, "new.example")
	}
	adding.Wait()
	if got := len(strings.Fields(found(t, s, "new.example"))); got != 100 {
		t.Errorf("found %d of 100", got)
	}
}

func TestLoad(t *testing.T) {
	const event = `{"Event": {"info": "i", "Orgc": {"name": "O"}, "Attribute": [{"type": "domain", "value": "loaded.example", "timestamp": "1770000000"}]}}`
	for _, c := range []struct{ name, in, ids, err string }{
		{"one", event, "1", ""},
		{"a list", "[" + event + "," + event + "]", "1 2", ""},
		{"an export", `{"response": [` + event + `]}`, "1", ""},
		{"empty", ``, "", "read events: EOF"},
		{"not an event", `{"Attribute": []}`, "", `read events: there is no "Event"`},
		{"not a list of events", `[` + event + `, {}]`, "", `read events: entry 2 has no "Event"`},
		{"a number for an id", `{"Event": {"id": 5}}`, "", "read events: json: invalid use of ,string struct tag"},
	} {
		db := &Database{}
		err := db.Load(strings.NewReader(c.in))
		if message := errorText(err); !strings.HasPrefix(message, c.err) || c.err == "" && err != nil {
			t.Errorf("%s: %q, want %q", c.name, message, c.err)
		}
		if got := found(t, New(db), "loaded.example"); got != c.ids {
			t.Errorf("%s: found %q, want %q", c.name, got, c.ids)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
