package enrich

import (
	"slices"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// edit writes the fields of every event that gets some, and notes those that
// are not answered.
func (b *batch) edit(e *Engine, chunk []byte) {
	for i := range b.looked {
		looked := &b.looked[i]
		o := b.judge(e, looked)
		b.verdicts[o.verdict]++
		if o.open {
			b.open = append(b.open, looked)
		}
		if !e.states(o.verdict) {
			continue
		}
		b.writer.pairs = 0
		e.layout.verdict(&b.writer, o.verdict.String(), o.reason)
		if o.verdict == misp.Known {
			taken := e.layout.format == ECS && has(looked.event, chunk, ecsKey)
			e.layout.hits(&b.writer, b.matches, o.total, taken)
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

// An outcome is what the answers for the indicators of one event come to.
type outcome struct {
	verdict misp.Verdict
	reason  misp.Reason
	total   int  // attributes that match
	open    bool // an indicator is not answered
}

// judge puts the answers for the indicators of one event together: it is a hit
// if one of them is, clean if all are, and otherwise unknown with the first
// reason. It leaves the matches in b, the weightiest first.
func (b *batch) judge(e *Engine, looked *lookedAt) (o outcome) {
	b.matches = b.matches[:0]
	o.verdict = misp.Clean
	if looked.cut {
		o.verdict, o.reason = misp.Unknown, misp.TooMany
	}
	for i := looked.from; i < looked.to; i++ {
		found, answer := &b.extraction.Found[i], &b.answers[i]
		switch answer.Verdict {
		case misp.Known:
			var n int
			b.matches, n = addMatches(b.matches, found.Indicator, e.set.Paths()[found.Path], found.Derived, answer)
			o.total += n
			if n == 0 && found.Derived == rules.Parent && answer.Hit.Partial && o.verdict == misp.Clean {
				// The domain itself may be among what was not read.
				o.verdict, o.reason = misp.Unknown, misp.BadAnswer
			}
		case misp.Unknown:
			o.verdict, o.open = misp.Unknown, o.open || !answer.Final()
			if o.reason == "" {
				o.reason = answer.Reason
			}
		}
	}
	if len(b.matches) == 0 {
		return o
	}
	b.matches = weigh(b.matches)
	o.verdict, o.reason = misp.Known, ""
	return o
}

// addMatches adds what is known of an indicator to the matches of its event,
// each attribute once, and returns how many attributes that are. The parent of
// a domain matches only where MISP lists the domain as such: it lists a single
// host by the type hostname.
func addMatches(matches []match, indicator ioc.Indicator, field string, derived rules.Derived, known *misp.Answer) (all []match, n int) {
	hit := known.Hit
	for i := range hit.Attributes {
		a := &hit.Attributes[i]
		if derived == rules.Parent && a.Type != domainType {
			continue
		}
		if a.ID != 0 && slices.ContainsFunc(matches, func(m match) bool { return m.attribute.ID == a.ID }) {
			continue
		}
		matches = append(matches, match{attribute: a, indicator: indicator, field: field, age: known.Age})
		n++
	}
	if n == len(hit.Attributes) {
		n = hit.Total // more than a Hit keeps
	}
	return matches, n
}

// weigh returns the matches that a record lists, the weightiest first.
func weigh(matches []match) []match {
	slices.SortStableFunc(matches, func(x, y match) int {
		switch {
		case x.attribute.Outweighs(y.attribute):
			return -1
		case y.attribute.Outweighs(x.attribute):
			return 1
		}
		return 0
	})
	return matches[:min(len(matches), maxHits)]
}

// domainType is the name of MISP's type for a whole domain.
var domainType = ioc.Domain.String()
