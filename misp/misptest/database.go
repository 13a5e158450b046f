package misptest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// HomeOrg is the organisation of an event or a key that names none.
const HomeOrg = "DEMO-CERT"

// A Database holds the events of a MISP. The zero Database is empty and ready
// to use; its methods may be called while a [Server] answers from it.
type Database struct {
	mu           sync.RWMutex
	events       map[int64]*Event
	rows         []*row // every attribute, by id
	orgs         []Org
	tags         map[string]int64
	objects      int64 // the highest id of an object
	sightings    []sighting
	warninglists []Warninglist
}

// An Event is a MISP event. Its JSON is that of MISP's exports and feeds. In
// [Database.Add] what is left zero gets a default: the next id, a UUID, the
// present date, all communities, an undefined threat level, [HomeOrg].
type Event struct {
	ID               int64       `json:"id,string"`
	UUID             string      `json:"uuid"`
	Info             string      `json:"info"`
	Date             string      `json:"date"`                   // YYYY-MM-DD
	ThreatLevel      int         `json:"threat_level_id,string"` // 1 high, 2 medium, 3 low, 4 undefined
	Analysis         int         `json:"analysis,string"`        // 0 initial, 1 ongoing, 2 complete
	Published        bool        `json:"published"`
	Timestamp        int64       `json:"timestamp,string"`         // Unix seconds
	PublishTimestamp int64       `json:"publish_timestamp,string"` // Unix seconds
	Distribution     string      `json:"distribution"`             // "0": only its organisation sees it
	Org              Org         `json:"Orgc"`                     // that made it
	Owner            Org         `json:"Org"`                      // that brought it here; zero is the one that made it
	Tags             []Tag       `json:"Tag"`
	Attributes       []Attribute `json:"Attribute"`
	Objects          []Object    `json:"Object"`
}

// An Attribute is one value of an event. Value is kept as given: the database
// of a MISP can hold values that MISP would write otherwise today.
type Attribute struct {
	ID                 int64  `json:"id,string"`
	UUID               string `json:"uuid"`
	Type               string `json:"type"`
	Category           string `json:"category"`
	Value              string `json:"value"` // the parts of a composite type joined with "|"
	Comment            string `json:"comment"`
	ToIDs              bool   `json:"to_ids"`
	Deleted            bool   `json:"deleted"`
	DisableCorrelation bool   `json:"disable_correlation"`
	Timestamp          int64  `json:"timestamp,string"` // Unix seconds
	Distribution       string `json:"distribution"`
	ObjectRelation     string `json:"object_relation"` // only within an [Object]
	FirstSeen          string `json:"first_seen"`
	LastSeen           string `json:"last_seen"`
	Tags               []Tag  `json:"Tag"`
}

// An Object groups attributes of an event.
type Object struct {
	ID           int64       `json:"id,string"`
	Name         string      `json:"name"`
	Distribution string      `json:"distribution"`
	Attributes   []Attribute `json:"Attribute"`
}

// An Org is an organisation; a database knows it by its name.
type Org struct {
	ID   int64  `json:"id,string"`
	Name string `json:"name"`
	UUID string `json:"uuid"`
}

// A Tag is a label of an event or an attribute.
type Tag struct {
	ID     int64  `json:"id,string"`
	Name   string `json:"name"`
	Colour string `json:"colour"`
	Local  bool   `json:"local"`
}

// Tags returns the tags of these names.
func Tags(names ...string) []Tag {
	tags := make([]Tag, len(names))
	for i, name := range names {
		tags[i].Name = name
	}
	return tags
}

// row is an attribute as the database holds it: a composite in two columns.
type row struct {
	Attribute
	event          *Event
	object         *Object // nil if it is in none
	value1, value2 string
	fold1, fold2   string // the columns as the collation compares them
}

// Add stores events and returns the id of the last. An id that is taken is
// replaced by the next free one, as in an import.
func (db *Database) Add(events ...Event) int64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	var id int64
	for _, e := range events {
		id = db.add(e)
	}
	return id
}

func (db *Database) add(e Event) int64 {
	if db.events == nil {
		db.events, db.tags = map[int64]*Event{}, map[string]int64{}
	}
	if _, taken := db.events[e.ID]; taken || e.ID == 0 {
		for e.ID = int64(len(db.events)) + 1; db.events[e.ID] != nil; e.ID++ {
		}
	}
	now := time.Now()
	e.UUID = cmp.Or(e.UUID, uuid(1, e.ID))
	e.Date = cmp.Or(e.Date, now.UTC().Format(time.DateOnly))
	e.ThreatLevel = cmp.Or(e.ThreatLevel, 4)
	e.Timestamp = cmp.Or(e.Timestamp, now.Unix())
	if e.Published {
		e.PublishTimestamp = cmp.Or(e.PublishTimestamp, e.Timestamp)
	}
	e.Distribution = cmp.Or(e.Distribution, "3")
	e.Org = db.org(e.Org)
	e.Owner = db.org(cmp.Or(e.Owner, e.Org))
	e.Tags = db.tagged(e.Tags)
	attributes, objects := e.Attributes, e.Objects
	e.Attributes, e.Objects = nil, nil
	db.events[e.ID] = &e
	for _, a := range attributes {
		db.addAttribute(&e, nil, a)
	}
	for _, o := range objects {
		if o.ID == 0 {
			o.ID = db.objects + 1
		}
		db.objects = max(db.objects, o.ID)
		for _, a := range o.Attributes {
			db.addAttribute(&e, &o, a)
		}
	}
	return e.ID
}

// AddAttribute adds an attribute to an event and returns its id. It panics if
// there is no such event.
func (db *Database) AddAttribute(event int64, a Attribute) int64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	e := db.events[event]
	if e == nil {
		panic(fmt.Sprintf("misptest: there is no event %d", event))
	}
	return db.addAttribute(e, nil, a)
}

func (db *Database) addAttribute(e *Event, o *Object, a Attribute) int64 {
	at, taken := db.find(a.ID)
	if a.ID == 0 || taken {
		a.ID, at = 1, len(db.rows)
		if at > 0 {
			a.ID = db.rows[at-1].ID + 1
		}
	}
	a.UUID = cmp.Or(a.UUID, uuid(2, a.ID))
	a.Category = cmp.Or(a.Category, "Other")
	a.Timestamp = cmp.Or(a.Timestamp, time.Now().Unix())
	a.Distribution = cmp.Or(a.Distribution, "5")
	a.Tags = db.tagged(a.Tags)
	r := &row{Attribute: a, event: e, object: o, value1: a.Value}
	if strings.Contains(a.Type, "|") || a.Type == "malware-sample" {
		r.value1, r.value2, _ = strings.Cut(a.Value, "|")
	}
	r.fold1, r.fold2 = fold(r.value1), fold(r.value2)
	db.rows = slices.Insert(db.rows, at, r)
	return a.ID
}

// Delete deletes an attribute as MISP does: it stays, is marked and counts as
// changed now. It reports whether there is such an attribute.
func (db *Database) Delete(attribute int64) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	i, found := db.find(attribute)
	if found {
		db.rows[i].Deleted = true
		db.rows[i].Timestamp = time.Now().Unix()
	}
	return found
}

// Load adds the events of a JSON document: one {"Event": ...} as in a feed, or
// a list of them as MISP exports it, bare or as the "response" of an object.
func (db *Database) Load(r io.Reader) error {
	type wrapped struct{ Event *Event }
	var raw json.RawMessage
	if err := json.NewDecoder(r).Decode(&raw); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	var all []wrapped
	one := struct {
		wrapped
		Response *[]wrapped `json:"response"`
	}{Response: &all}
	into := any(&one)
	if strings.HasPrefix(string(raw), "[") {
		into = &all
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	if one.Event != nil {
		all = append(all, one.wrapped)
	}
	for i, w := range all {
		if w.Event == nil {
			return fmt.Errorf("read events: entry %d has no \"Event\"", i+1)
		}
	}
	if len(all) == 0 {
		return fmt.Errorf("read events: there is no \"Event\"")
	}
	for _, w := range all {
		db.Add(*w.Event)
	}
	return nil
}

// find returns where the attribute is, or would be, among the rows.
func (db *Database) find(attribute int64) (int, bool) {
	return slices.BinarySearchFunc(db.rows, attribute, func(r *row, id int64) int { return cmp.Compare(r.ID, id) })
}

// org returns the organisation with the id and UUID by which it is known.
func (db *Database) org(o Org) Org {
	o.Name = cmp.Or(o.Name, HomeOrg)
	for _, known := range db.orgs {
		if known.Name == o.Name {
			return known
		}
	}
	o.ID = cmp.Or(o.ID, int64(len(db.orgs))+1)
	o.UUID = cmp.Or(o.UUID, uuid(3, o.ID))
	db.orgs = append(db.orgs, o)
	return o
}

// tagged returns a copy of the tags with the ids by which they are known.
func (db *Database) tagged(tags []Tag) []Tag {
	tags = slices.Clone(tags)
	for i, t := range tags {
		if db.tags[t.Name] == 0 {
			db.tags[t.Name] = cmp.Or(t.ID, int64(len(db.tags))+1)
		}
		tags[i].ID = db.tags[t.Name]
		tags[i].Colour = cmp.Or(t.Colour, "#0088cc")
	}
	return tags
}

// uuid returns the same UUID for the same thing in every run.
func uuid(kind, id int64) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", kind, id) }
