// Package gen makes Wazuh alerts for tests and benchmarks: lines as they stand
// in alerts.json, of the kinds, sizes and fields that a manager with Windows
// and Linux endpoints, a Suricata sensor and two clouds writes. It decodes no
// logs and knows no rules of Wazuh: each alert is a template under alerts/,
// with values filled in.
//
// Its one invariant: the same seed and settings give the same alerts. Every
// name is under .example and every address is made up; they are good for a
// MISP on the loopback interface only.
package gen

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// A Generator makes alerts, one after the other. Settings are changed before
// the first call of Next; without them, no two values are the same and nothing
// is listed. It is not for concurrent use.
type Generator struct {
	// Pool is how many different values there are of each kind; 0 makes each
	// value a new one.
	Pool int

	// Listed holds the indicators that some alerts are to carry, by what they
	// are: ip, domain, url, md5, sha1 or sha256.
	Listed map[string][]string

	// Share is the part of the alerts, 0 to 1, that carry one of Listed.
	Share float64

	random *rand.Rand
	next   map[string]int // how many values of a kind were made
	fired  map[*template]int
	clock  time.Time
	offset int64 // in alerts.log, which Wazuh's ids hold
	owed   int   // alerts that should have carried a listed indicator
}

// New returns a generator whose alerts depend on the seed.
func New(seed uint64) *Generator {
	return &Generator{
		random: rand.New(rand.NewPCG(seed, 0)),
		next:   map[string]int{},
		fired:  map[*template]int{},
		clock:  time.Date(2026, time.March, 2, 8, 0, 0, 0, time.UTC),
	}
}

// An Alert is one line of alerts.json.
type Alert struct {
	Line  []byte // JSON without the end of line; the caller's
	ID    string // Wazuh's, different in every alert
	Name  string // of its template
	Kind  string // what the listed indicator that it carries is; empty if none
	Value string // that indicator
}

// Next makes an alert.
func (g *Generator) Next() Alert {
	if g.random.Float64() < g.Share {
		g.owed++
	}
	t := g.template()
	g.clock = g.clock.Add(time.Duration(g.random.IntN(40)) * time.Millisecond)
	g.fired[t]++
	f := filler{g: g, values: map[string]string{"fired": strconv.Itoa(g.fired[t])}}
	a := Alert{Name: t.name}
	if kinds := g.listedIn(t); g.owed > 0 && len(kinds) > 0 {
		g.owed--
		a.Kind = kinds[g.random.IntN(len(kinds))]
		a.Value = g.Listed[a.Kind][g.random.IntN(len(g.Listed[a.Kind]))]
		f.values[a.Kind] = a.Value
	}
	a.ID = f.value("id")
	a.Line = t.fill(&f)
	g.offset += int64(len(a.Line))
	return a
}

// template picks one by weight.
func (g *Generator) template() *template {
	n := g.random.IntN(totalWeight)
	i := slices.IndexFunc(templates, func(t *template) bool {
		n -= t.weight
		return n < 0
	})
	return templates[i]
}

// listedIn returns the kinds of which a template has a value in a field that
// is looked up, and of which some are listed.
func (g *Generator) listedIn(t *template) []string {
	var kinds []string
	for _, k := range t.carries {
		if len(g.Listed[k]) > 0 {
			kinds = append(kinds, k)
		}
	}
	return kinds
}
