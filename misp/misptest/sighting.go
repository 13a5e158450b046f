package misptest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// sighting is that an organisation has seen an attribute.
type sighting struct {
	id        int64
	attribute *row
	org       Org
	date      int64 // Unix seconds
	source    string
	kind      string // "0" seen, "1" false positive, "2" expired
}

type sightingJSON struct {
	ID          string `json:"id"`
	AttributeID string `json:"attribute_id"`
	EventID     string `json:"event_id"`
	OrgID       string `json:"org_id"`
	Date        string `json:"date_sighting"`
	UUID        string `json:"uuid"`
	Source      string `json:"source"`
	Type        string `json:"type"`
}

// sightedJSON is a sighting within an attribute.
type sightedJSON struct {
	sightingJSON
	AttributeUUID string         `json:"attribute_uuid"`
	Organisation  sighterOrgJSON `json:"Organisation"`
}

type sighterOrgJSON struct {
	ID   string `json:"id"`
	UUID string `json:"uuid"`
	Name string `json:"name"`
}

func (s sighting) json() sightingJSON {
	return sightingJSON{
		ID:          decimal(s.id),
		AttributeID: decimal(s.attribute.ID),
		EventID:     decimal(s.attribute.event.ID),
		OrgID:       decimal(s.org.ID),
		Date:        decimal(s.date),
		UUID:        uuid(5, s.id),
		Source:      s.source,
		Type:        s.kind,
	}
}

// sighted returns the sightings of an attribute, never nil.
func (db *Database) sighted(r *row) []sightedJSON {
	list := []sightedJSON{}
	for _, s := range db.sightings {
		if s.attribute == r {
			list = append(list, sightedJSON{s.json(), r.UUID, sighterOrgJSON{decimal(s.org.ID), s.org.UUID, s.org.Name}})
		}
	}
	return list
}

// addSightings answers /sightings/add: it sights every attribute that matches
// any value, and answers with the last sighting only.
func (s *Server) addSightings(w http.ResponseWriter, r *http.Request, key Key, path []string, body []byte) {
	v, err := decode(body)
	if len(body) > 0 && err != nil {
		fail(w, r, http.StatusMethodNotAllowed, badJSON)
		return
	}
	p, _ := v.(map[string]any)
	values := texts(p["values"])
	if p["value"] != nil {
		values = append(values, text(p["value"]))
	}
	sees, now := s.sees(key), s.now().Unix()
	if t, err := strconv.ParseInt(text(p["timestamp"]), 10, 64); err == nil {
		now = t
	}
	id := strings.Join(path, "")
	if len(values) == 0 && id == "" {
		write(w, http.StatusOK, jsonType, []byte(`{"message":"Could not add the Sighting. Reason: No valid attributes found."}`))
		return
	}
	for i, value := range values {
		values[i] = fold(value)
	}
	db := s.db
	db.mu.Lock()
	defer db.mu.Unlock()
	before := len(db.sightings)
	for _, row := range db.rows {
		matches := slices.Contains(values, row.fold1) || row.value2 != "" && slices.Contains(values, row.fold2)
		if id != "" {
			matches = id == decimal(row.ID) || id == row.UUID
		}
		if matches && sees(row) {
			kind := text(p["type"])
			if kind == "" {
				kind = "0"
			}
			db.sightings = append(db.sightings, sighting{int64(len(db.sightings)) + 1, row, db.org(Org{Name: key.Org}), now, text(p["source"]), kind})
		}
	}
	if len(db.sightings) == before {
		write(w, http.StatusOK, jsonType, []byte(`{"message":"Could not add the Sighting. Reason: No valid attributes found that match the criteria."}`))
		return
	}
	last := map[string]sightingJSON{"Sighting": db.sightings[len(db.sightings)-1].json()}
	answer, _ := json.MarshalIndent(last, "", "    ")
	write(w, http.StatusOK, jsonType, answer)
}
