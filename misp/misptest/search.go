package misptest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// parameters are the filters and options of a search, by name.
type parameters map[string]any

// searchParameters reads what a request asks for. MISP takes it from the path
// (/value:x/limit:5) and, of a POST that says it is JSON, from the body; from
// any other body it takes nothing, which is a search without a filter.
func searchParameters(r *http.Request, path []string, body []byte) (parameters, error) {
	p := parameters{}
	for _, segment := range path {
		if name, value, ok := strings.Cut(segment, ":"); ok {
			p[name] = strings.ReplaceAll(value, ";", ":")
		} else if segment != "" && p["returnFormat"] == nil {
			p["returnFormat"] = segment
		}
	}
	if r.Method != http.MethodPost || len(body) == 0 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return p, nil
	}
	v, err := decode(body)
	if err != nil {
		return nil, err
	}
	object, _ := v.(map[string]any)
	if inner, ok := object["request"].(map[string]any); ok {
		object = inner
	}
	maps.Copy(p, object)
	return p, nil
}

// decode reads JSON as PHP does: numbers kept, nothing after it, and no text
// that is not UTF-8, whether raw or by half a surrogate pair.
func decode(body []byte) (any, error) {
	if !utf8.Valid(body) || loneSurrogate(body) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("something after the JSON")
	}
	return v, nil
}

// loneSurrogate reports whether an escape in the JSON is half a pair.
func loneSurrogate(body []byte) bool {
	high := false
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 == len(body) {
			if high {
				return true
			}
			continue
		}
		i++
		code := uint64(0)
		if body[i] == 'u' && i+5 <= len(body) {
			code, _ = strconv.ParseUint(string(body[i+1:i+5]), 16, 16)
			i += 4
		}
		low := code >= 0xdc00 && code < 0xe000
		if high != low {
			return true
		}
		high = code >= 0xd800 && code < 0xdc00
	}
	return high
}

// result is what a search found.
type result struct {
	rows    []*row
	count   int // what X-Result-Count says
	skipped int // rows that were dropped for a warninglist
}

// search applies the parameters to what org may see. The database is locked
// for reading.
func (db *Database) search(p parameters, sees func(*row) bool, now time.Time) (result, error) {
	limit, err := p.number("limit")
	if err != nil {
		return result{}, err
	}
	page, err := p.number("page")
	if err != nil {
		return result{}, err
	}
	rows := db.match(p, sees, now)
	if limit > 0 {
		pages := slices.Collect(slices.Chunk(rows, limit))
		if rows = nil; max(page, 1) <= len(pages) {
			rows = pages[max(page, 1)-1]
		}
	}
	found := result{rows: rows, count: len(rows)}
	// MISP guesses the total from whether there may be a next page.
	if limit < 0 || limit > 0 && (len(rows) == limit || len(rows) == 0) {
		found.count++
	}
	if truthy(p["enforceWarninglist"]) {
		found.rows = slices.DeleteFunc(rows, func(r *row) bool { return len(db.warnings(r)) > 0 })
		found.skipped = len(rows) - len(found.rows)
	}
	return found, nil
}

// match returns the rows that pass every filter, in the order of MISP.
func (db *Database) match(p parameters, sees func(*row) bool, now time.Time) []*row {
	conditions := []condition{sees}
	if p["deleted"] == nil {
		conditions = append(conditions, filterDeleted(nil, now))
	}
	for name, v := range p {
		if f := filters[name]; f != nil {
			if c := f(v, now); c != nil {
				conditions = append(conditions, c)
			}
		}
	}
	var rows []*row
next:
	for _, r := range db.rows {
		for _, c := range conditions {
			if !c(r) {
				continue next
			}
		}
		rows = append(rows, r)
	}
	if slices.ContainsFunc(byEvent, func(name string) bool { return p[name] != nil }) {
		slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(a.event.ID, b.event.ID) })
	}
	p.order(rows)
	return rows
}

// order sorts rows by the parameter of that name: "Attribute.id desc", or a
// list of such.
func (p parameters) order(rows []*row) {
	by := map[string]func(*row) int64{
		"id":        func(r *row) int64 { return r.ID },
		"event_id":  func(r *row) int64 { return r.event.ID },
		"timestamp": func(r *row) int64 { return r.Timestamp },
	}
	for _, text := range slices.Backward(texts(p["order"])) {
		column, direction, _ := strings.Cut(strings.ToLower(text), " ")
		of := by[strings.TrimPrefix(column, "attribute.")]
		if of == nil {
			continue
		}
		slices.SortStableFunc(rows, func(a, b *row) int {
			if direction == "desc" {
				a, b = b, a
			}
			return cmp.Compare(of(a), of(b))
		})
	}
}

func (p parameters) number(name string) (int, error) {
	if !truthy(p[name]) {
		return 0, nil
	}
	n, err := strconv.Atoi(text(p[name]))
	if err != nil {
		return 0, errors.New(name + " is no number")
	}
	return n, nil
}
