package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
)

var alerts = flag.String("alerts", "", "folder of the published alerts that testdata/labels.ndjson was written for")

// A label says what is right for one alert: what is looked up by default, and
// what looks like an indicator and must not be. It was judged by reading the
// alert, not made from what the rules find.
type label struct {
	File       string
	Line       int
	SHA256     string // of the line, its first 16 digits
	Indicators []indicator
	Forbidden  []string
}

type indicator struct{ Kind, Value, Field, Derived string }

// TestLabels holds the default rules to the alerts of our own making, without
// one mistake, and to the published ones where there is a folder of them.
func TestLabels(t *testing.T) {
	of := newLabelled(t, "testdata", "testdata/alerts-labels.ndjson")
	for _, mistake := range of.mistakes {
		t.Error(mistake)
	}
	t.Log("our own alerts:", of)
	if *alerts == "" {
		return
	}
	of = newLabelled(t, *alerts, "testdata/labels.ndjson")
	for _, mistake := range of.mistakes {
		t.Log(mistake)
	}
	t.Log("published alerts:", of)
	if of.recall() < 0.98 || of.forbidden > 0 || of.surprise() > 0.01 {
		t.Error("want recall of 0.98 or more, nothing forbidden, at most 1 % unexpected")
	}
}

// A labelled compares what the rules find with the labels of a file. An
// indicator counts once for an alert, whichever fields have it.
type labelled struct {
	alerts, wanted, got, found, forbidden, unexpected int

	mistakes []string
}

func (l *labelled) recall() float64   { return float64(l.got) / float64(l.wanted) }
func (l *labelled) surprise() float64 { return float64(l.unexpected) / float64(l.found) }

func (l *labelled) String() string {
	return fmt.Sprintf("%d, recall %.4f (%d of %d), forbidden %d, unexpected %.2f %% (%d of %d)",
		l.alerts, l.recall(), l.got, l.wanted, l.forbidden, 100*l.surprise(), l.unexpected, l.found)
}

func newLabelled(t *testing.T, dir, labels string) *labelled {
	t.Helper()
	of, x := &labelled{}, newExtractor(t)
	files := map[string][][]byte{}
	for _, line := range readLines(t, labels) {
		var want label
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%s: %v", labels, err)
		}
		if files[want.File] == nil {
			files[want.File] = readLines(t, filepath.Join(dir, want.File))
		}
		lines := files[want.File]
		if want.Line > len(lines) || digest(lines[want.Line-1]) != want.SHA256 {
			t.Fatalf("%s:%d is not the alert that %s was written for", want.File, want.Line, labels)
		}
		of.compare(&want, x.extract(t, lines[want.Line-1]))
	}
	return of
}

func digest(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}

func (l *labelled) compare(want *label, found []indicator) {
	mistakes := len(l.mistakes)
	mistake := func(what string, args ...any) {
		where := fmt.Sprintf("%s:%d: ", want.File, want.Line)
		l.mistakes = append(l.mistakes, where+fmt.Sprintf(what, args...))
	}
	defer func() { slices.Sort(l.mistakes[mistakes:]) }()
	l.alerts++
	wanted, got := byValue(want.Indicators), byValue(found)
	l.wanted += len(wanted)
	l.found += len(got)
	for key, w := range wanted {
		g, ok := got[key]
		switch {
		case !ok:
			mistake("%s of %s is missing", key, w.fields)
		case g.derived != w.derived:
			mistake("%s of %s is derived %q, want %q", key, g.fields, g.derived, w.derived)
		case !g.sharesField(w):
			mistake("%s is of %s, want %s", key, g.fields, w.fields)
		default:
			l.got++
		}
	}
	for key, g := range got {
		if _, ok := wanted[key]; !ok {
			l.unexpected++
			mistake("%s of %s is unexpected", key, g.fields)
		}
		for _, value := range want.Forbidden {
			if strings.EqualFold(value, key.value) {
				l.forbidden++
				mistake("%s of %s is forbidden", key, g.fields)
			}
		}
	}
}

type key struct{ kind, value string }

func (k key) String() string { return k.kind + " " + k.value }

// A sighting is how an alert has an indicator: in which fields, and whether as it
// stands in one of them or only derived.
type sighting struct {
	fields  []string
	derived string
}

func (s *sighting) sharesField(other *sighting) bool {
	return slices.ContainsFunc(s.fields, func(field string) bool { return slices.Contains(other.fields, field) })
}

func byValue(indicators []indicator) map[key]*sighting {
	sightings := map[key]*sighting{}
	for _, i := range indicators {
		k := key{i.Kind, i.Value}
		s := sightings[k]
		if s == nil {
			s = &sighting{derived: i.Derived}
			sightings[k] = s
		}
		s.fields = append(s.fields, strings.ToLower(i.Field))
		s.derived = min(s.derived, i.Derived)
	}
	return sightings
}

// An extractor runs the default rules as the engine does.
type extractor struct {
	set        *rules.Set
	scanner    *event.Scanner
	extraction rules.Extraction
}

func newExtractor(t *testing.T) *extractor {
	t.Helper()
	set := defaultRules(t, rules.Options{})
	return &extractor{set, scanner(t, set.Paths()), rules.Extraction{Agents: &rules.Agents{}}}
}

func (x *extractor) extract(t *testing.T, alert []byte) []indicator {
	t.Helper()
	chunk, err := event.AppendJSON(nil, time.Unix(1, 0), alert)
	if err != nil {
		t.Fatal(err)
	}
	x.extraction.Reset()
	for x.scanner.Reset(chunk); x.scanner.Next(); {
		x.set.Extract(x.scanner.Fields(), &x.extraction)
	}
	var found []indicator
	for _, f := range x.extraction.Found {
		found = append(found, indicator{
			Kind:    f.Indicator.Kind().String(),
			Value:   strings.Clone(f.Indicator.Value()),
			Field:   x.set.Paths()[f.Path],
			Derived: f.Derived.String(),
		})
	}
	return found
}

func readLines(t *testing.T, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}
