package enrich

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// documented returns the fields in the tables of docs/fields.md whose first
// column has that name, with their types. An example must be of the type.
func documented(t *testing.T, column string) map[string]string {
	t.Helper()
	doc, err := os.ReadFile("../docs/fields.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	within := false
	for line := range strings.Lines(strings.ReplaceAll(string(doc), `\|`, "")) {
		cells := strings.Split(line, " | ")
		if len(cells) < 4 {
			within = within && strings.HasPrefix(line, "|-")
			continue
		}
		name := strings.Trim(cells[0], "| `")
		if !within {
			within = name == column
			continue
		}
		var example any
		if err := json.Unmarshal([]byte(strings.Trim(cells[2], "`")), &example); err != nil || typeOf(example) != cells[1] {
			t.Errorf("the example of %s is %s, no %s (%v)", name, cells[2], cells[1], err)
		}
		fields[name] = cells[1]
	}
	return fields
}

// typeOf returns the word of docs/fields.md for the type of a JSON value.
func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "text"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		if _, object := v[0].(map[string]any); object {
			return "array of objects"
		}
		return "array of " + typeOf(v[0])
	}
	return fmt.Sprintf("%T", v)
}

// written adds the fields of an object, those of objects in it by their paths.
func written(fields map[string]string, prefix string, object map[string]any) {
	for name, v := range object {
		if inner, nested := v.(map[string]any); nested {
			written(fields, prefix+name+".", inner)
			continue
		}
		fields[prefix+name] = typeOf(v)
	}
}

// record returns the object that the function writes.
func record(t *testing.T, write func(w *writer)) map[string]any {
	t.Helper()
	w := &writer{}
	write(w)
	var object map[string]any
	if err := json.Unmarshal(event.AppendAsJSON(nil, w.buf), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// full returns a match of which every field has something to say.
func full(t *testing.T, kind ioc.Kind, value string) match {
	t.Helper()
	indicator, reason := ioc.Normalize(kind, value)
	if reason != ioc.OK {
		t.Fatalf("%s %s: %s", kind, value, reason)
	}
	return match{indicator: indicator, field: "data.srcip", age: time.Minute, attribute: &misp.Attribute{
		ID: 1, EventID: 2, ObjectID: 3, ObjectRelation: "r", Category: "c", Type: "t", Value: "v", Comment: "c", UUID: "u",
		ToIDs: true, Timestamp: 4, Tags: []string{"tlp:red"},
		Event: misp.Event{URL: "l", Info: "i", UUID: "u", Org: "o", Date: "d", ThreatLevel: 1},
	}}
}

func compareFields(t *testing.T, what string, doc, code map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(code)) {
		if doc[name] != code[name] {
			t.Errorf("%s: docs/fields.md has %s as %q, the code writes it as %s", what, name, doc[name], code[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		if code[name] == "" {
			t.Errorf("%s: docs/fields.md has %s, which the code does not write", what, name)
		}
	}
}

// docs/fields.md has every field that a record can get, with its type, and no
// other.
func TestFieldsDoc(t *testing.T) {
	o, err := ParseOptions(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	flat := newLayout(o)
	ip := full(t, ioc.IP, "198.51.100.23")
	code := map[string]string{}
	written(code, "", record(t, func(w *writer) {
		w.object(func() {
			flat.verdict(w, "hit", misp.Timeout)
			flat.hits(w, []match{ip, ip}, 2, false)
		})
	}))
	compareFields(t, "a hit", documented(t, "field"), code)

	code = map[string]string{}
	late := record(t, func(w *writer) {
		id := identity{ID: "1", Timestamp: "2", AgentID: "3", AgentName: "4", RuleID: "5", RuleLevel: 6, RuleDescription: "7"}
		flat.lateHit(w, &id, []match{ip}, 1)
	})
	maps.DeleteFunc(late, func(name string, _ any) bool { return strings.HasPrefix(name, "misp_") })
	written(code, "", late)
	compareFields(t, "a late hit", documented(t, "field of the alert"), code)

	o.Format = ECS
	ecs := newLayout(o)
	code = map[string]string{}
	for _, kind := range ioc.Kinds() {
		m := full(t, kind, map[ioc.Kind]string{
			ioc.IP: "198.51.100.23", ioc.Domain: "evil.example", ioc.URL: "http://evil.example/a",
			ioc.JA4: "t13d1516h2_8daaf6152771_b186095e22b6", ioc.Email: "a@evil.example",
			ioc.Filename: "invoice.exe", ioc.UserAgent: "evil/1.0 (agent)", ioc.Regkey: `HKLM\Software\Evil\Run`,
			ioc.NamedPipe: `\evil_pipe`, ioc.CVE: "CVE-2026-1234",
			ioc.MD5: digits(32), ioc.Imphash: digits(32), ioc.JA3: digits(32), ioc.SHA1: digits(40), ioc.X509SHA1: digits(40),
			ioc.SHA256: digits(64), ioc.SHA512: digits(128),
		}[kind])
		r := record(t, func(w *writer) {
			w.object(func() { ecs.hits(w, []match{m}, 1, false) })
		})
		written(code, "", r[ecsKey].([]any)[0].(map[string]any))
	}
	compareFields(t, "format ecs", documented(t, "field of an object"), code)
}

// docs/fields.md has every reason for which an alert is unknown.
func TestReasonsDoc(t *testing.T) {
	doc, err := os.ReadFile("../docs/fields.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## Why an alert is unknown")
	for _, reason := range []misp.Reason{
		misp.Timeout, misp.Unreachable, misp.Forbidden, misp.RateLimited, misp.ServerError, misp.BadAnswer, misp.TooMany, misp.QueueFull, misp.Refused,
	} {
		if !strings.Contains(table, "\n| `"+string(reason)+"` | ") {
			t.Errorf("docs/fields.md has no %s", reason)
		}
	}
}

// digits returns a hash of n digits.
func digits(n int) string { return strings.Repeat("0f343b0931126a20", n)[:n] }
