package enrich

import (
	"slices"
	"strings"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// A match is an attribute of MISP that holds an indicator of the event.
type match struct {
	attribute *misp.Attribute
	indicator ioc.Indicator
	field     string        // the path at which the event has it
	age       time.Duration // of an answer that serves while MISP is away; 0 if it does not
}

// maxHits bounds the matches that one record lists.
const maxHits = 50

// A field of a hit: its name without the prefix, and how it is written. A field
// that has nothing to say is left out; one that is there has the same type in
// every record.
type field struct {
	name  string
	write func(w *writer, key string, m *match)
}

var hitFields = []field{
	{"value", text(func(m *match) string { return m.attribute.Value })},
	{"type", text(func(m *match) string { return m.attribute.Type })},
	{"category", text(func(m *match) string { return m.attribute.Category })},
	{"comment", text(func(m *match) string { return m.attribute.Comment })},
	{"uuid", text(func(m *match) string { return m.attribute.UUID })},
	{"id", integer(func(m *match) int64 { return m.attribute.ID })},
	{"event_id", integer(func(m *match) int64 { return m.attribute.EventID })},
	{"object_id", integer(func(m *match) int64 { return m.attribute.ObjectID })},
	{"object_relation", text(func(m *match) string { return m.attribute.ObjectRelation })},
	{"to_ids", func(w *writer, key string, m *match) { w.key(key); w.bool(m.attribute.ToIDs) }},
	{"timestamp", integer(func(m *match) int64 { return m.attribute.Timestamp })},
	{"field", text(func(m *match) string { return m.field })},
	{"indicator", text(func(m *match) string { return m.indicator.Value() })},
	{"event_info", text(func(m *match) string { return m.attribute.Event.Info })},
	{"event_uuid", text(func(m *match) string { return m.attribute.Event.UUID })},
	{"event_org", text(func(m *match) string { return m.attribute.Event.Org })},
	{"event_date", text(func(m *match) string { return m.attribute.Event.Date })},
	{"threat_level", text(func(m *match) string { return threatLevel(m.attribute.Event.ThreatLevel) })},
	{"tags", func(w *writer, key string, m *match) { w.stringsField(key, m.attribute.Tags) }},
	{"tlp", text(func(m *match) string { return tlp(m.attribute.Tags) })},
	{"event_url", text(func(m *match) string { return m.attribute.Event.URL })},
	{staleField, integer(staleSeconds)},
}

// The fields of a record besides those of a single hit.
const (
	verdictField = "verdict"
	errorField   = "error"
	countField   = "count"
	hitsField    = "hits"
	staleField   = "stale_seconds"
)

// isField reports whether there is a field of that name.
func isField(name string) bool {
	return slices.Contains([]string{verdictField, errorField, countField, hitsField}, name) ||
		slices.ContainsFunc(hitFields, func(f field) bool { return f.name == name })
}

func text(of func(*match) string) func(*writer, string, *match) {
	return func(w *writer, key string, m *match) { w.stringField(key, of(m)) }
}

func integer(of func(*match) int64) func(*writer, string, *match) {
	return func(w *writer, key string, m *match) { w.intField(key, of(m)) }
}

// staleSeconds returns how old an answer is that serves while MISP is away, 0
// for any other.
func staleSeconds(m *match) int64 { return int64((m.age + time.Second - 1) / time.Second) }

// threatLevel returns MISP's word for a threat level.
func threatLevel(level int) string {
	if level < 1 || level > 4 {
		return ""
	}
	return [...]string{"high", "medium", "low", "undefined"}[level-1]
}

// tlp returns the colour of the strictest tag of the Traffic Light Protocol.
func tlp(tags []string) string {
	strictest, colour := -1, ""
	for _, tag := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "tlp:")
		if !ok {
			continue
		}
		if rank := slices.Index([]string{"clear", "white", "green", "amber", "amber+strict", "red"}, name); rank > strictest {
			strictest, colour = rank, name
		}
	}
	return colour
}

// A layout writes what came out for a record. It is immutable and may be used
// concurrently.
type layout struct {
	format Format
	prefix string
	keys   map[string]string // of the fields that are written, by name
	fields []field           // of a hit, those that are written
	full   []string          // the keys of these
	ours   map[string]bool   // every key
}

func newLayout(o Options) *layout {
	l := &layout{format: o.Format, prefix: o.Prefix, keys: make(map[string]string), ours: make(map[string]bool)}
	add := func(name string) bool {
		if o.Fields != nil && !o.Fields[name] {
			return false
		}
		l.keys[name] = o.Prefix + name
		l.ours[l.keys[name]] = true
		return true
	}
	for _, f := range hitFields {
		if add(f.name) {
			l.fields = append(l.fields, f)
			l.full = append(l.full, l.keys[f.name])
		}
	}
	for _, name := range []string{verdictField, errorField, countField, hitsField} {
		add(name)
	}
	l.ours[l.spareECSKey()] = true
	return l
}

// writes reports whether the layout can write a field of that key.
func (l *layout) writes(key []byte) bool {
	return l.replaces(key) || l.format == ECS && string(key) == ecsKey
}

// replaces reports whether a field of that key is the layout's alone, so that
// one that a record has already is from an earlier time.
func (l *layout) replaces(key []byte) bool {
	return len(key) > len(l.prefix) && string(key[:len(l.prefix)]) == l.prefix && l.ours[string(key)]
}

// verdict writes the verdict of a record, and the reason if there is one.
func (l *layout) verdict(w *writer, verdict string, reason misp.Reason) {
	if key := l.keys[verdictField]; key != "" {
		w.key(key)
		w.string(verdict)
	}
	if key := l.keys[errorField]; key != "" {
		w.stringField(key, string(reason))
	}
}

// hits writes what a record matched, the weightiest first. total counts also
// the attributes that are not among the matches; taken says that the record has
// an ecsKey already.
func (l *layout) hits(w *writer, matches []match, total int, taken bool) {
	if l.format == ECS {
		if key := l.keys[staleField]; key != "" {
			w.intField(key, staleSeconds(&matches[0]))
		}
		l.enrichments(w, matches, taken)
		return
	}
	for i := range l.fields {
		l.fields[i].write(w, l.full[i], &matches[0])
	}
	if key := l.keys[countField]; key != "" {
		w.intField(key, int64(total))
	}
	if key := l.keys[hitsField]; key != "" && len(matches) > 1 {
		w.key(key)
		w.objects(len(matches), func(i int) {
			for _, f := range l.fields {
				f.write(w, f.name, &matches[i])
			}
		})
	}
}

// lateVerdict is the verdict of a late hit.
const lateVerdict = "late_hit"

// lateHit writes the record of a late hit: which alert it is of, where Wazuh
// has that, and what it matched.
func (l *layout) lateHit(w *writer, id *identity, matches []match, total int) {
	w.object(func() {
		w.stringField("timestamp", id.Timestamp)
		w.stringField("id", id.ID)
		if id.AgentID != "" || id.AgentName != "" {
			w.key("agent")
			w.object(func() {
				w.stringField("id", id.AgentID)
				w.stringField("name", id.AgentName)
			})
		}
		if id.RuleID != "" || id.RuleDescription != "" {
			w.key("rule")
			w.object(func() {
				w.stringField("id", id.RuleID)
				w.intField("level", int64(id.RuleLevel))
				w.stringField("description", id.RuleDescription)
			})
		}
		l.verdict(w, lateVerdict, "")
		l.hits(w, matches, total, false)
	})
}
