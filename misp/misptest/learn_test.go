package misptest

import (
	"encoding/json"
	"testing"
)

// learn makes a database of what the answers show of it.
func learn(t *testing.T, exchanges []exchange, db *Database) {
	events, attributes := map[int64]*Event{}, map[int64]*Attribute{}
	parents, objects := map[int64]int64{}, map[int64]*Object{}
	orgs := map[int64]Org{}
	for _, x := range exchanges {
		var answer struct {
			Response struct{ Attribute []json.RawMessage }
		}
		if json.Unmarshal(x.body, &answer) != nil {
			continue
		}
		for _, raw := range answer.Response.Attribute {
			var a struct {
				ID       int64 `json:"id,string"`
				EventID  int64 `json:"event_id,string"`
				Event    json.RawMessage
				Object   *Object
				Sighting []struct{ Organisation Org }
				Tag      []struct {
					Tag
					Inherited int
				}
			}
			if err := json.Unmarshal(raw, &a); err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			if attributes[a.ID] == nil {
				attributes[a.ID] = &Attribute{}
			}
			if events[a.EventID] == nil {
				events[a.EventID] = &Event{}
			}
			e := events[a.EventID]
			var org struct {
				Creator int64 `json:"orgc_id,string"`
				Owner   int64 `json:"org_id,string"`
			}
			// Each answer shows other fields; decoding adds them up.
			for _, err := range []error{json.Unmarshal(raw, attributes[a.ID]), json.Unmarshal(a.Event, e), json.Unmarshal(a.Event, &org)} {
				if err != nil {
					t.Fatalf("%s: %v", x.name, err)
				}
			}
			e.Org.ID, e.Owner.ID = org.Creator, org.Owner
			var own, inherited []Tag
			for _, tag := range a.Tag {
				if tag.Inherited == 1 {
					inherited = append(inherited, tag.Tag)
				} else {
					own = append(own, tag.Tag)
				}
			}
			attributes[a.ID].Tags = own
			if inherited != nil {
				e.Tags = inherited
			}
			e.Published = e.PublishTimestamp != 0
			parents[a.ID] = a.EventID
			if e.Org.Name != "" {
				orgs[e.Org.ID] = e.Org
			}
			for _, s := range a.Sighting {
				orgs[s.Organisation.ID] = s.Organisation
			}
			if a.Object != nil {
				objects[a.ID] = a.Object
			}
		}
	}
	for id, a := range attributes {
		e := events[parents[id]]
		if o := objects[id]; o != nil {
			e.Objects = append(e.Objects, Object{ID: o.ID, Distribution: o.Distribution, Attributes: []Attribute{*a}})
		} else {
			e.Attributes = append(e.Attributes, *a)
		}
	}
	for _, e := range events {
		e.Org, e.Owner = orgs[e.Org.ID], orgs[e.Owner.ID]
		db.Add(*e)
	}
}
