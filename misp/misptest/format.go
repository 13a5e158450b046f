package misptest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"
)

// A format is a value of returnFormat.
type format struct {
	contentType string
	extension   string // what X-Response-Format says
	defaults    parameters
	render      func(*Database, parameters, result) []byte // nil: answered with an internal error
}

var formats = map[string]format{
	"json":   {jsonType, "json", nil, renderJSON},
	"csv":    {"text/csv; charset=UTF-8", "csv", nil, renderCSV},
	"count":  {textType, "txt", nil, renderCount},
	"cache":  {textType, "txt", nil, renderCache},
	"text":   {textType, "txt", forDetection, renderText},
	"hashes": {textType, "txt", forDetection, renderHashes},
	"stix2":  {},
	"yara":   {},
}

const (
	jsonType = "application/json; charset=UTF-8"
	textType = "text/plain; charset=UTF-8"
	htmlType = "text/html; charset=UTF-8"
)

// forDetection is what the formats made for detection leave out by default.
var forDetection = parameters{"to_ids": true, "published": true}

func renderCount(_ *Database, _ parameters, found result) []byte {
	return []byte(strconv.Itoa(len(found.rows)))
}

// renderCache writes the MD5 of each whole value, whatever hash is asked for.
func renderCache(_ *Database, p parameters, found result) []byte {
	var b bytes.Buffer
	for _, r := range found.rows {
		sum := md5.Sum([]byte(r.Value))
		b.WriteString(hex.EncodeToString(sum[:]))
		if truthy(p["includeEventUuid"]) {
			b.WriteString("," + r.event.UUID)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func renderText(_ *Database, _ parameters, found result) []byte {
	var b bytes.Buffer
	seen := map[string]bool{}
	for _, r := range found.rows {
		if !seen[r.Value] {
			seen[r.Value] = true
			b.WriteString(r.Value + "\n")
		}
	}
	return b.Bytes()
}

func renderHashes(_ *Database, _ parameters, found result) []byte {
	var b bytes.Buffer
	for _, r := range found.rows {
		kind, value := r.Type, r.value1
		if r.value2 != "" {
			_, kind, _ = strings.Cut(r.Type, "|")
			value = r.value2
		}
		if kind == "md5" || strings.HasPrefix(kind, "sha") {
			b.WriteString(value + "\n")
		}
	}
	return b.Bytes()
}

// columnsCSV are the columns of a CSV answer, in their order.
var columnsCSV = []struct {
	name string
	cell func(*row) string
}{
	{"uuid", func(r *row) string { return quoted(r.UUID) }},
	{"event_id", func(r *row) string { return decimal(r.event.ID) }},
	{"category", func(r *row) string { return quoted(r.Category) }},
	{"type", func(r *row) string { return quoted(r.Type) }},
	{"value", func(r *row) string { return quoted(r.Value) }},
	{"comment", func(r *row) string { return quoted(r.Comment) }},
	{"to_ids", func(r *row) string { return bit(r.ToIDs) }},
	{"date", func(r *row) string { return decimal(r.Timestamp) }},
	{"object_relation", func(r *row) string { return quoted(r.ObjectRelation) }},
	{"attribute_tag", func(r *row) string { return quoted(ownTags(r)) }},
	{"object_uuid", func(r *row) string { return quoted(objectUUID(r)) }},
	{"object_name", func(r *row) string { return quoted(objectName(r)) }},
	{"object_meta_category", func(*row) string { return quoted("") }},
}

// renderCSV writes the columns asked for, with a blank line at the end.
func renderCSV(_ *Database, p parameters, found result) []byte {
	cells := map[string]func(*row) string{
		"id":        func(r *row) string { return decimal(r.ID) },
		"timestamp": func(r *row) string { return decimal(r.Timestamp) },
		"deleted":   func(r *row) string { return bit(r.Deleted) },
	}
	names := texts(p["requested_attributes"])
	for _, c := range columnsCSV {
		cells[c.name] = c.cell
		if p["requested_attributes"] == nil {
			names = append(names, c.name)
		}
	}
	var b bytes.Buffer
	if !truthy(p["headerless"]) {
		b.WriteString(strings.Join(names, ",") + "\n")
	}
	for _, r := range found.rows {
		for i, name := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			if cell := cells[name]; cell != nil {
				b.WriteString(cell(r))
			}
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func ownTags(r *row) string {
	var names []string
	for _, t := range r.Tags {
		names = append(names, t.Name)
	}
	return strings.Join(names, ",")
}

func objectUUID(r *row) string {
	if r.object == nil {
		return ""
	}
	return uuid(4, r.object.ID)
}

func objectName(r *row) string {
	if r.object == nil {
		return ""
	}
	return r.object.Name
}
