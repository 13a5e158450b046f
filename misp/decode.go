package misp

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
)

// A row is an attribute as MISP writes it. MISP's JSON comes from PHP: a
// number may be a string, a flag 0 or "1", and anything null.
type row struct {
	ID             number `json:"id"`
	EventID        number `json:"event_id"`
	ObjectID       number `json:"object_id"`
	ObjectRelation text   `json:"object_relation"`
	Category       text   `json:"category"`
	Type           text   `json:"type"`
	Value          text   `json:"value"`
	Comment        text   `json:"comment"`
	UUID           text   `json:"uuid"`
	ToIDs          flag   `json:"to_ids"`
	Timestamp      number `json:"timestamp"`
	Tag            []tag  `json:"Tag"`
	Event          struct {
		Info          text   `json:"info"`
		UUID          text   `json:"uuid"`
		Date          text   `json:"date"`
		ThreatLevelID number `json:"threat_level_id"`
		Published     flag   `json:"published"`
		Orgc          struct {
			Name text `json:"name"`
		} `json:"Orgc"`
		Tag []tag `json:"Tag"`
	} `json:"Event"`
}

type tag struct {
	Name text `json:"name"`
}

type (
	number int64
	text   string
	flag   uint8
)

const (
	absent flag = iota
	off
	on
)

// A field that is none of what its type takes reads as if it were absent.

func (n *number) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	*n = 0
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<53 {
		*n = number(f)
	} else if s == "true" {
		*n = 1
	}
	return nil
}

func (f *flag) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "false", "0", "":
		*f = off
	case "true", "1":
		*f = on
	default:
		*f = absent
	}
	return nil
}

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case b[0] == '{' || b[0] == '[' || string(b) == "null":
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

// readable reports whether the row says what it is about.
func (r *row) readable() bool { return r.Type != "" && r.Value != "" }

// What an Attribute keeps of the texts and tags of MISP, in bytes and in
// number. Most are far shorter; without bounds a single value could fill memory
// and records.
const (
	maxText    = 4 << 10 // of those that people write, and of values
	maxWord    = 256     // of the others, and of a tag
	maxTags    = 100
	maxTagText = 8 << 10 // of all tags
)

func (t text) long() string { return clip(string(t), maxText) }
func (t text) word() string { return clip(string(t), maxWord) }

// attribute returns the row as an Attribute of the MISP at base.
func (r *row) attribute(base string) *Attribute {
	return &Attribute{
		ID:             int64(r.ID),
		EventID:        int64(r.EventID),
		ObjectID:       int64(r.ObjectID),
		ObjectRelation: r.ObjectRelation.word(),
		Category:       r.Category.word(),
		Type:           r.Type.word(),
		Value:          r.Value.long(),
		Comment:        r.Comment.long(),
		UUID:           r.UUID.word(),
		ToIDs:          r.ToIDs == on,
		Timestamp:      int64(r.Timestamp),
		Tags:           r.tags(),
		Event: Event{
			URL:         base + "/events/view/" + strconv.FormatInt(int64(r.EventID), 10),
			Info:        r.Event.Info.long(),
			UUID:        r.Event.UUID.word(),
			Org:         r.Event.Orgc.Name.word(),
			Date:        r.Event.Date.word(),
			ThreatLevel: int(r.Event.ThreatLevelID),
			Published:   r.Event.Published == on,
		},
	}
}

// tags returns the names of the attribute's tags and its event's, each once.
// MISP merges them itself since includeEventTags exists, but not before.
func (r *row) tags() []string {
	if len(r.Tag)+len(r.Event.Tag) == 0 {
		return nil
	}
	names := make([]string, 0, min(len(r.Tag)+len(r.Event.Tag), maxTags))
	known := make(map[text]bool, cap(names))
	size := 0
	for _, tags := range [][]tag{r.Tag, r.Event.Tag} {
		for _, t := range tags {
			name := t.Name.word()
			if name == "" || known[t.Name] || len(names) == maxTags || size+len(name) > maxTagText {
				continue
			}
			known[t.Name] = true
			names = append(names, name)
			size += len(name)
		}
	}
	return names
}

// decode reads MISP's answer to a search and calls each with one row after the
// other; the row is only valid during the call. It holds one row in memory at
// a time, and returns at the first error, its own or that of each.
//
// What is not exactly the shape of such an answer is an error, so that half an
// answer is never taken for a clean one. Within a row, an odd field is absent;
// the row may then not be readable.
func decode(r io.Reader, each func(*row) error) error {
	d := json.NewDecoder(r)
	found := false
	err := object(d, func(key string) error {
		if key != "response" {
			return skip(d)
		}
		if found {
			return errors.New(`"response" comes twice`)
		}
		found = true
		return decodeResponse(d, each)
	})
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`there is no "response" in it`)
	}
	if _, err := d.Token(); err != io.EOF {
		if err == nil {
			err = errors.New("there is more after its end")
		}
		return err
	}
	return nil
}

// decodeResponse reads {"Attribute": [row, ...]}, or the [] with which older
// versions of MISP say that there is none.
func decodeResponse(d *json.Decoder, each func(*row) error) error {
	t, err := d.Token()
	if err != nil {
		return cutOff(err)
	}
	switch t {
	case json.Delim('['):
		if t, err = d.Token(); err != nil {
			return cutOff(err)
		}
		if t != json.Delim(']') {
			return errors.New(`"response" is a list with something in it`)
		}
		return nil
	case json.Delim('{'):
	default:
		return errors.New(`"response" is not an object`)
	}
	found := false
	err = members(d, func(key string) error {
		if key != "Attribute" {
			return skip(d)
		}
		if found {
			return errors.New(`"Attribute" comes twice`)
		}
		found = true
		return decodeRows(d, each)
	})
	if err == nil && !found {
		err = errors.New(`there is no "Attribute" in its "response"`)
	}
	return err
}

func decodeRows(d *json.Decoder, each func(*row) error) error {
	t, err := d.Token()
	if err != nil {
		return cutOff(err)
	}
	if t != json.Delim('[') {
		return errors.New(`"Attribute" is not a list`)
	}
	for d.More() {
		var r row
		var odd *json.UnmarshalTypeError
		// All but what is odd in a row is decoded: PHP writes [] for an object
		// that is empty, and one odd row must not spoil the others.
		if err := d.Decode(&r); err != nil && !errors.As(err, &odd) {
			return cutOff(err)
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return cutOff(err)
}

// object reads an object and calls member at each of its keys, to read the
// value.
func object(d *json.Decoder, member func(key string) error) error {
	t, err := d.Token()
	if err != nil {
		return cutOff(err)
	}
	if t != json.Delim('{') {
		return errors.New("it is not an object")
	}
	return members(d, member)
}

// members is object once the opening brace is read.
func members(d *json.Decoder, member func(key string) error) error {
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return cutOff(err)
		}
		if err := member(key.(string)); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return cutOff(err)
}

// skip reads a value that is of no interest.
func skip(d *json.Decoder) error {
	var value json.RawMessage
	return cutOff(d.Decode(&value))
}

// cutOff turns an end where there must be more into one kind of error.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
