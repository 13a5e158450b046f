package enrich

import (
	"slices"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// edit writes the fields of every event that gets some.
func (b *batch) edit(e *Engine, chunk []byte) {
	for i := range b.looked {
		looked := &b.looked[i]
		verdict, reason, total := b.judge(e, looked)
		b.verdicts[verdict]++
		if !e.states(verdict) {
			continue
		}
		b.writer.pairs = 0
		e.layout.verdict(&b.writer, verdict, reason)
		switch {
		case verdict != misp.Known:
		case e.layout.format == ECS:
			e.layout.enrichments(&b.writer, b.matches, has(looked.event, chunk, ecsKey))
		default:
			e.layout.hits(&b.writer, b.matches, total)
		}
		if b.writer.pairs == 0 {
			continue
		}
		b.edits = append(b.edits, event.Edit{Event: looked.event, Pairs: b.writer.pairs})
		b.ends = append(b.ends, len(b.writer.buf))
	}
	// The writer's memory moves while it grows, so it is cut up at the end.
	from := 0
	for i := range b.edits {
		edit := &b.edits[i]
		edit.Fields = b.writer.buf[from:b.ends[i]]
		from = b.ends[i]
		edit.Event.Spans(chunk, func(key []byte, field event.Span) {
			if e.layout.replaces(key) {
				edit.Drop = append(edit.Drop, field)
			}
		})
	}
}

// has reports whether the record of an event has a field of that key.
func has(e event.Event, chunk []byte, key string) (found bool) {
	e.Spans(chunk, func(k []byte, _ event.Span) { found = found || string(k) == key })
	return found
}

// states reports whether a record with that verdict says so.
func (e *Engine) states(v misp.Verdict) bool {
	switch e.verdict {
	case VerdictNone:
		return v == misp.Known
	case VerdictAll:
		return true
	}
	return v != misp.Clean
}

// judge puts the answers for the indicators of one event together: it is a hit
// if one of them is, clean if all are, and otherwise unknown with the first
// reason. It leaves the matches in b, the weightiest first, and returns how
// many there are in all.
func (b *batch) judge(e *Engine, looked *lookedAt) (v misp.Verdict, reason misp.Reason, total int) {
	b.matches = b.matches[:0]
	v = misp.Clean
	if looked.cut {
		v, reason = misp.Unknown, misp.TooMany
	}
	for i := looked.from; i < looked.to; i++ {
		found, answer := &b.extraction.Found[i], &b.answers[i]
		switch answer.Verdict {
		case misp.Known:
			total += b.match(found, answer.Hit, e.set.Paths()[found.Path])
		case misp.Unknown:
			v = misp.Unknown
			if reason == "" {
				reason = answer.Reason
			}
		}
	}
	if len(b.matches) == 0 {
		return v, reason, 0
	}
	slices.SortStableFunc(b.matches, func(x, y match) int {
		switch {
		case x.attribute.Outweighs(y.attribute):
			return -1
		case y.attribute.Outweighs(x.attribute):
			return 1
		}
		return 0
	})
	b.matches = b.matches[:min(len(b.matches), maxHits)]
	if e.verdict == VerdictNone {
		reason = ""
	}
	return misp.Known, reason, total
}

// match adds what hit has to the matches, each attribute once, and returns how
// many attributes that are. The parent of a domain matches only where MISP
// lists the domain as such: it lists a single host by the type hostname.
func (b *batch) match(found *rules.Found, hit *misp.Hit, path string) int {
	n := 0
	for i := range hit.Attributes {
		a := &hit.Attributes[i]
		if found.Derived == rules.Parent && a.Type != domainType {
			continue
		}
		if a.ID != 0 && slices.ContainsFunc(b.matches, func(m match) bool { return m.attribute.ID == a.ID }) {
			continue
		}
		b.matches = append(b.matches, match{attribute: a, indicator: found.Indicator, field: path})
		n++
	}
	if n == len(hit.Attributes) {
		n = hit.Total // more than a Hit keeps
	}
	return n
}

// domainType is the name of MISP's type for a whole domain.
var domainType = ioc.Domain.String()
