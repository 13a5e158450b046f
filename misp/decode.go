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
