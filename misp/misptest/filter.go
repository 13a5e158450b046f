package misptest

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A condition reports whether a row passes a filter.
type condition func(*row) bool

// A filter makes the condition of one search parameter; nil filters nothing.
type filter func(v any, now time.Time) condition

// filters are the parameters that MISP knows. It drops any other in silence.
var filters = map[string]filter{
	"value":               filterValue,
	"value1":              columns(func(r *row) []string { return []string{r.fold1} }),
	"value2":              columns(func(r *row) []string { return []string{r.fold2} }),
	"type":                filterType,
	"category":            columns(func(r *row) []string { return []string{fold(r.Category)} }),
	"uuid":                columns(func(r *row) []string { return []string{r.UUID} }),
	"object_relation":     columns(func(r *row) []string { return []string{fold(r.ObjectRelation)} }),
	"eventid":             columns(func(r *row) []string { return []string{decimal(r.event.ID), r.event.UUID} }),
	"eventinfo":           columns(func(r *row) []string { return []string{fold(r.event.Info)} }),
	"threat_level_id":     columns(func(r *row) []string { return []string{strconv.Itoa(r.event.ThreatLevel)} }),
	"org":                 columns(func(r *row) []string { return []string{fold(r.event.Org.Name), decimal(r.event.Org.ID)} }),
	"tags":                columns(tagNames),
	"to_ids":              yesNo(func(r *row) bool { return r.ToIDs }),
	"published":           yesNo(func(r *row) bool { return r.event.Published }),
	"deleted":             filterDeleted,
	"timestamp":           since(func(r *row) int64 { return r.Timestamp }),
	"attribute_timestamp": since(func(r *row) int64 { return r.Timestamp }),
	"event_timestamp":     since(func(r *row) int64 { return r.event.Timestamp }),
	"publish_timestamp":   since(func(r *row) int64 { return r.event.PublishTimestamp }),
	"last":                since(func(r *row) int64 { return r.event.PublishTimestamp }),
}

// byEvent are the filters that make the database go from events to their
// attributes, and so return rows by event.
var byEvent = []string{"eventid", "eventinfo", "threat_level_id", "org", "published", "event_timestamp", "publish_timestamp", "last"}

func filterValue(v any, _ time.Time) condition {
	t := dissect(v)
	for _, list := range [][]string{t.or, t.not} {
		for i, s := range list {
			list[i] = compressed(s)
		}
	}
	m := t.matcher()
	if m == nil {
		return nil
	}
	return func(r *row) bool { return m.match(r.fold1, r.fold2) }
}

func filterType(v any, _ time.Time) condition {
	t := dissect(v)
	for _, name := range t.or {
		if name == "email-src" || name == "email-dst" {
			t.or = append(t.or, "email")
		}
	}
	m := t.matcher()
	if m == nil {
		return nil
	}
	return func(r *row) bool { return m.match(fold(r.Type)) }
}

// filterDeleted hides what is deleted unless it is asked for.
func filterDeleted(v any, now time.Time) condition {
	if c := yesNo(func(r *row) bool { return r.Deleted })(v, now); c != nil {
		return c
	}
	return func(r *row) bool { return !r.Deleted }
}

// columns is the filter of what is compared as text, with folded columns.
func columns(of func(*row) []string) filter {
	return func(v any, _ time.Time) condition {
		m := dissect(v).matcher()
		if m == nil {
			return nil
		}
		return func(r *row) bool { return m.match(of(r)...) }
	}
}

func tagNames(r *row) []string {
	names := make([]string, 0, len(r.Tags)+len(r.event.Tags))
	for _, t := range r.Tags {
		names = append(names, fold(t.Name))
	}
	for _, t := range r.event.Tags {
		names = append(names, fold(t.Name))
	}
	return names
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// yesNo is the filter of what is yes or no. PHP's false is taken for absence.
func yesNo(of func(*row) bool) filter {
	return func(v any, _ time.Time) condition {
		if v == nil || v == false || v == "" {
			return nil
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		var yes, no bool
		for _, e := range list {
			if e == "exclude" || e == "false" || !truthy(e) {
				no = true
			} else {
				yes = true
			}
		}
		return func(r *row) bool { return yes && of(r) || no && !of(r) }
	}
}

// since is the filter of a time: from when on, or a range. A time that cannot
// be read lets nothing pass.
func since(of func(*row) int64) filter {
	return func(v any, now time.Time) condition {
		list, ok := v.([]any)
		if !ok || len(list) != 2 {
			list = []any{v}
		}
		var bounds [2]int64
		for i, e := range list {
			t, err := instant(e, now)
			if err != nil {
				return func(*row) bool { return false }
			}
			bounds[i] = t
		}
		if len(list) == 1 {
			return func(r *row) bool { return of(r) >= bounds[0] }
		}
		// The older bound may come first or last: "30d", "7d" as well as two dates.
		from, to := min(bounds[0], bounds[1]), max(bounds[0], bounds[1])
		return func(r *row) bool { return of(r) >= from && of(r) <= to }
	}
}

var age = regexp.MustCompile(`^(\d+)([smhdw])$`)

var unitSeconds = map[string]int64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

// instant reads a time as MISP takes it (an age such as "30d", an epoch, a
// date, ISO 8601), in Unix seconds.
func instant(v any, now time.Time) (int64, error) {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
	case string:
		s = strings.TrimSpace(v)
	}
	if m := age.FindStringSubmatch(s); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 32)
		return now.Unix() - n*unitSeconds[m[2]], err
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, errors.New("no time")
}
