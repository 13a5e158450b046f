package enrich

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/rules"
)

// An alert is what is kept of an event whose indicators are not all answered:
// what tells which one it was, and the indicators. It is stored as msgpack.
type alert struct {
	_msgpack struct{} `msgpack:",as_array"`

	identity
	Open   []openIndicator
	Partly int64 // since when MISP answers for some of them, in Unix milliseconds; 0 if it has not
}

// An identity tells one alert of Wazuh's from the others. What the event does
// not have is empty.
type identity struct {
	ID, Timestamp      string
	AgentID, AgentName string
	RuleID             string
	RuleLevel          int
	RuleDescription    string
}

// An openIndicator is one that was not answered.
type openIndicator struct {
	_msgpack struct{} `msgpack:",as_array"`

	Kind, Value string
	Field       string // where the event has it
	Derived     rules.Derived
}

// identityPaths are where an event has its identity, in the order of identity.
var identityPaths = func() *event.Paths {
	paths, err := event.NewPaths([]string{"id", "timestamp", "agent.id", "agent.name", "rule.id", "rule.level", "rule.description"})
	if err != nil {
		panic(err) // of a constant
	}
	return paths
}()

// read returns the identity of an event of the chunk. It is not read with the
// indicators, because nearly all events are answered and do without it.
func (b *batch) read(chunk []byte, e event.Event) (id identity) {
	if b.identities == nil {
		b.identities = event.NewScanner(identityPaths)
	}
	b.identities.Reset(chunk[e.Start:e.End])
	defer b.identities.Reset(nil)
	if !b.identities.Next() {
		return id
	}
	fields := b.identities.Fields()
	level := ""
	for path, text := range []*string{&id.ID, &id.Timestamp, &id.AgentID, &id.AgentName, &id.RuleID, &level, &id.RuleDescription} {
		if at := fields.First(path); at >= 0 {
			*text = clip(fields.Text(at))
		}
	}
	id.RuleLevel, _ = strconv.Atoi(level)
	return id
}

// clip returns text of a reasonable length: an identity is kept for long.
func clip(text []byte) string {
	const longest = 1 << 10
	if len(text) > longest {
		return strings.ToValidUTF8(string(text[:longest]), "")
	}
	return string(text)
}

// maxOpen bounds the indicators of one stored alert; an event with more of them
// becomes several.
const maxOpen = 32

// store hands the events that are not answered to those who ask again. It waits
// until they are stored, as long as the budget allows.
func (e *Engine) store(ctx context.Context, b *batch, chunk []byte, budget budget) {
	if len(b.open) == 0 {
		return
	}
	ctx, cancel := budget.storing(ctx)
	defer cancel()
	var entries [][]byte
	for _, looked := range b.open {
		a := alert{identity: b.read(chunk, looked.event)}
		for at := looked.from; at < looked.to; at++ {
			if b.answers[at].Final() {
				continue
			}
			found := &b.extraction.Found[at]
			a.add(found.Indicator, e.set.Paths()[found.Path], found.Derived)
			if len(a.Open) == maxOpen {
				entries = append(entries, a.encode())
				a.Open = a.Open[:0]
			}
		}
		if len(a.Open) > 0 {
			entries = append(entries, a.encode())
		}
	}
	e.late.queue.Put(ctx, entries...)
}

// add adds an indicator, once for each way in which the event has it.
func (a *alert) add(indicator ioc.Indicator, field string, derived rules.Derived) {
	open := openIndicator{Kind: indicator.Kind().String(), Value: indicator.Value(), Field: field, Derived: derived}
	if !slices.ContainsFunc(a.Open, func(o openIndicator) bool {
		return o.Kind == open.Kind && o.Value == open.Value && o.Derived == open.Derived
	}) {
		a.Open = append(a.Open, open)
	}
}

func (a *alert) encode() []byte {
	b, err := msgpack.Marshal(a)
	if err != nil {
		panic(err) // strings and numbers always have a form
	}
	return b
}

// decodeAlert reads a stored alert. What is stored is not trusted: memory is
// taken for no more than there is, and an indicator is one only if it is made
// anew.
func decodeAlert(b []byte) (a alert, indicators []ioc.Indicator, ok bool) {
	if !event.Whole(b) || msgpack.Unmarshal(b, &a) != nil {
		return alert{}, nil, false
	}
	open := a.Open
	a.Open = nil
	for _, o := range open {
		kind, err := ioc.ParseKind(o.Kind)
		if err != nil || o.Derived > rules.Parent {
			continue
		}
		if indicator, reason := ioc.Normalize(kind, o.Value); reason == ioc.OK {
			a.Open = append(a.Open, o)
			indicators = append(indicators, indicator)
		}
	}
	return a, indicators, len(a.Open) > 0
}
