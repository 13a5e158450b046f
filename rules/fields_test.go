package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fluent-bit-misp/rules/fields"
)

// values makes fields of JSON, as slowly as tests may.
type values struct {
	fields.Fields
	set *Set
}

func fieldsOf(t testing.TB, s *Set, event string) *fields.Fields {
	t.Helper()
	v := &values{fields.Fields{Common: &fields.Common{Ends: fields.NewEnds(len(s.Paths())), Chunk: []byte{}}}, s}
	d := json.NewDecoder(strings.NewReader(event))
	d.UseNumber()
	if err := v.walk(d, ""); err != nil {
		t.Fatalf("%v in %s", err, event)
	}
	return &v.Fields
}

func (v *values) walk(d *json.Decoder, path string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		v.add(path, nil)
		for d.More() {
			key, _ := d.Token()
			below := strings.TrimPrefix(path+"."+key.(string), ".")
			if err := v.walk(d, below); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if err := v.walk(d, path); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case nil:
	default:
		text, ok := token.(string)
		if !ok {
			scalar, _ := json.Marshal(token)
			text = string(scalar)
		}
		// A scalar that no path leads to is a value of the object around it.
		if at := strings.LastIndexByte(path, '.'); !v.add(path, []byte(text)) && at > 0 {
			v.add(path[:at], []byte(text))
		}
	}
	return err
}

// add notes a value at every path that it is at, and reports whether a path
// leads to it or further.
func (v *values) add(path string, text []byte) (known bool) {
	for p, pattern := range v.set.Paths() {
		keys, n := strings.Split(pattern, "."), strings.Count(path, ".")+1
		if len(keys) < n || !pathMatches(keys[:n], path) {
			continue
		}
		known = true
		if len(keys) > n {
			continue
		}
		one := fields.Nowhere
		if text != nil {
			one.Start = int32(len(v.Chunk))
			v.Chunk = append(v.Chunk, text...)
			one.End = int32(len(v.Chunk))
		}
		v.Note(int32(p), 0, one)
	}
	return known
}

func pathMatches(keys []string, path string) bool {
	return slices.EqualFunc(keys, strings.Split(path, "."), func(p, key string) bool {
		return p == "*" || strings.EqualFold(p, key)
	})
}

func compile(t testing.TB, options Options, sources ...string) *Set {
	t.Helper()
	var files []*File
	for _, src := range sources {
		f, err := Parse("rules.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	s, err := Compile(options, files...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func defaults(t testing.TB, options Options) *Set {
	t.Helper()
	f, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(options, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// found returns what a set finds in an event, one indicator a line: "path kind
// value", and how it was derived.
func found(t testing.TB, s *Set, event string) []string {
	t.Helper()
	var x Extraction
	s.Extract(fieldsOf(t, s, event), &x)
	return lines(s, x.Found)
}

func lines(s *Set, found []Found) (lines []string) {
	for _, f := range found {
		line := s.Paths()[f.Path] + " " + f.Indicator.String()
		if f.Derived != Direct {
			line += " (" + f.Derived.String() + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func quote(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
