package misptest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// The answers' shapes: the order of the fields is that of MISP, and a number
// is a string wherever MISP writes one.

type attributeJSON struct {
	ID                 string        `json:"id"`
	EventID            string        `json:"event_id"`
	ObjectID           string        `json:"object_id"`
	ObjectRelation     *string       `json:"object_relation"`
	Category           string        `json:"category"`
	Type               string        `json:"type"`
	ToIDs              bool          `json:"to_ids"`
	UUID               string        `json:"uuid"`
	Timestamp          string        `json:"timestamp"`
	Distribution       string        `json:"distribution"`
	SharingGroupID     string        `json:"sharing_group_id"`
	Comment            string        `json:"comment"`
	Deleted            bool          `json:"deleted"`
	DisableCorrelation bool          `json:"disable_correlation"`
	FirstSeen          *string       `json:"first_seen"`
	LastSeen           *string       `json:"last_seen"`
	Value              string        `json:"value"`
	Sightings          []sightedJSON `json:"Sighting,omitzero"`
	Warnings           []warning     `json:"warnings,omitempty"`
	EventUUID          string        `json:"event_uuid,omitempty"`
	Event              any           `json:"Event"`
	Object             *objectJSON   `json:"Object,omitempty"`
	Proposals          []struct{}    `json:"ShadowAttribute,omitzero"`
	Tags               []any         `json:"Tag,omitempty"`
}

type eventJSON struct {
	OrgID            string `json:"org_id"`
	Distribution     string `json:"distribution"`
	PublishTimestamp string `json:"publish_timestamp"`
	ID               string `json:"id"`
	Info             string `json:"info"`
	OrgcID           string `json:"orgc_id"`
	UUID             string `json:"uuid"`
}

// contextJSON is an event under includeContext.
type contextJSON struct {
	ID               string       `json:"id"`
	OrgcID           string       `json:"orgc_id"`
	OrgID            string       `json:"org_id"`
	Date             string       `json:"date"`
	ThreatLevelID    string       `json:"threat_level_id"`
	Info             string       `json:"info"`
	Published        bool         `json:"published"`
	UUID             string       `json:"uuid"`
	Analysis         string       `json:"analysis"`
	Timestamp        string       `json:"timestamp"`
	Distribution     string       `json:"distribution"`
	PublishTimestamp string       `json:"publish_timestamp"`
	SharingGroupID   string       `json:"sharing_group_id"`
	ExtendsUUID      string       `json:"extends_uuid"`
	Tags             []contextTag `json:"Tag,omitempty"`
	Org              orgJSON      `json:"Orgc"`
}

type orgJSON struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	UUID  string `json:"uuid"`
	Local bool   `json:"local"`
}

type objectJSON struct {
	ID             string `json:"id"`
	Distribution   string `json:"distribution"`
	SharingGroupID string `json:"sharing_group_id"`
}

type tagJSON struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	Colour         string `json:"colour"`
	NumericalValue *int   `json:"numerical_value"`
}

type ownTag struct {
	tagJSON
	IsGalaxy bool `json:"is_galaxy"`
	Local    bool `json:"local"`
}

type inheritedTag struct {
	tagJSON
	Inherited int `json:"inherited"`
}

type contextTag struct {
	Local bool `json:"local"`
	tagJSON
}

// renderJSON writes the answer of a search as MISP does, to the byte.
func renderJSON(db *Database, p parameters, found result) []byte {
	var b bytes.Buffer
	b.WriteString(`{"response": {"Attribute": [`)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for i, r := range found.rows {
		if i > 0 {
			b.WriteByte(',')
		}
		// Nothing in the answer can fail to be encoded.
		_ = e.Encode(db.attribute(r, p))
		b.Truncate(b.Len() - 1) // the encoder's line feed
	}
	b.WriteString("]}}\n")
	return b.Bytes()
}

func (db *Database) attribute(r *row, p parameters) attributeJSON {
	a := attributeJSON{
		ID:                 decimal(r.ID),
		EventID:            decimal(r.event.ID),
		ObjectID:           "0",
		ObjectRelation:     orNull(r.ObjectRelation),
		Category:           r.Category,
		Type:               r.Type,
		ToIDs:              r.ToIDs,
		UUID:               r.UUID,
		Timestamp:          decimal(r.Timestamp),
		Distribution:       r.Distribution,
		SharingGroupID:     "0",
		Comment:            r.Comment,
		Deleted:            r.Deleted,
		DisableCorrelation: r.DisableCorrelation,
		FirstSeen:          orNull(r.FirstSeen),
		LastSeen:           orNull(r.LastSeen),
		Value:              r.Value,
		Event:              event(r.event, truthy(p["includeContext"])),
	}
	if r.object != nil {
		a.ObjectID = decimal(r.object.ID)
		a.Object = &objectJSON{a.ObjectID, r.object.Distribution, "0"}
	}
	for _, t := range r.Tags {
		a.Tags = append(a.Tags, ownTag{tag(t), strings.HasPrefix(t.Name, "misp-galaxy:"), t.Local})
	}
	if truthy(p["includeEventTags"]) {
		for _, t := range r.event.Tags {
			a.Tags = append(a.Tags, inheritedTag{tag(t), 1})
		}
	}
	if truthy(p["includeSightings"]) {
		a.Sightings = db.sighted(r)
	}
	if truthy(p["includeWarninglistHits"]) {
		a.Warnings = db.warnings(r)
	}
	if truthy(p["includeEventUuid"]) {
		a.EventUUID = r.event.UUID
	}
	if truthy(p["includeProposals"]) {
		a.Proposals = []struct{}{}
	}
	return a
}

func event(e *Event, context bool) any {
	creator, owner := decimal(e.Org.ID), decimal(e.Owner.ID)
	if !context {
		return eventJSON{owner, e.Distribution, decimal(e.PublishTimestamp), decimal(e.ID), e.Info, creator, e.UUID}
	}
	c := contextJSON{
		ID:               decimal(e.ID),
		OrgcID:           creator,
		OrgID:            owner,
		Date:             e.Date,
		ThreatLevelID:    strconv.Itoa(e.ThreatLevel),
		Info:             e.Info,
		Published:        e.Published,
		UUID:             e.UUID,
		Analysis:         strconv.Itoa(e.Analysis),
		Timestamp:        decimal(e.Timestamp),
		Distribution:     e.Distribution,
		PublishTimestamp: decimal(e.PublishTimestamp),
		SharingGroupID:   "0",
		Org:              orgJSON{creator, e.Org.Name, e.Org.UUID, true},
	}
	for _, t := range e.Tags {
		c.Tags = append(c.Tags, contextTag{t.Local, tag(t)})
	}
	return c
}

func tag(t Tag) tagJSON { return tagJSON{ID: decimal(t.ID), Name: t.Name, Colour: t.Colour} }

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
