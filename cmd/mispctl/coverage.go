package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

type coverageCmd struct {
	ruleFlags
	JSON bool   `name:"json" help:"Write one JSON object."`
	File string `arg:"" help:"File of alerts, one JSON object a line, also gzipped; - is the standard input."`
}

func (*coverageCmd) Help() string {
	return `Shows what the rules find in a file of alerts, such as a day of Wazuh's archive, which fields look like indicators and are taken by no rule, and how many searches the file would cost MISP. MISP is not asked.`
}

// A report is what a file of alerts has.
type report struct {
	Alerts         int             `json:"alerts"`
	NotAlerts      int             `json:"not_alerts"` // lines that are no JSON objects
	WithIndicators int             `json:"with_indicators"`
	Indicators     int             `json:"indicators"`
	Distinct       int             `json:"distinct"`
	Kinds          map[string]int  `json:"kinds"`
	Rules          map[string]int  `json:"rules"`
	Uncovered      []uncovered     `json:"uncovered"`
	Searches       searchesPerFile `json:"searches"`
}

// An uncovered field looks like an indicator and is taken by no rule.
type uncovered struct {
	Field   string `json:"field"`
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Example string `json:"example"`
}

func (c *coverageCmd) Run(std streams) error {
	x, err := c.extractor()
	if err != nil {
		return err
	}
	in, err := openLines(c.File, std.in)
	if err != nil {
		return err
	}
	defer in.Close()
	bar := newBar(in.Size(), std.err)
	s := newSurvey(x)
	var line []byte
	for {
		if line, err = in.Next(); err != nil {
			break
		}
		s.add(line)
		if s.report.Alerts%1000 == 0 {
			_ = bar.Set64(in.Offset())
		}
	}
	_ = bar.Finish()
	switch {
	case err == io.EOF:
		err = nil
	case s.report.Alerts == 0:
		return err
	}
	r := s.finish() // of a file that is cut off, too
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetEscapeHTML(false)
		return cmp.Or(out.Encode(r), err)
	}
	r.write(std.out)
	return err
}

// newBar returns a progress bar of bytes, which shows only on a terminal.
func newBar(size int64, w io.Writer) *progressbar.ProgressBar {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return progressbar.DefaultBytesSilent(size)
	}
	return progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(w), progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("reading"), progressbar.OptionThrottle(100*time.Millisecond))
}

// A survey goes through alerts and makes a report of them.
type survey struct {
	x         *extractor
	report    report
	distinct  map[string]bool
	uncovered map[string]*uncovered // by path
	covered   map[string]bool       // paths that a rule takes, or that are ours
	costs     costs
}

func newSurvey(x *extractor) *survey {
	return &survey{
		x:         x,
		report:    report{Kinds: map[string]int{}, Rules: map[string]int{}},
		distinct:  map[string]bool{},
		uncovered: map[string]*uncovered{},
		covered:   map[string]bool{},
		costs:     newCosts(),
	}
}

func (s *survey) add(line []byte) {
	if err := s.x.scan(line); err != nil {
		if len(line) > 0 {
			s.report.NotAlerts++
		}
		return
	}
	s.report.Alerts++
	found := s.x.found.Found
	if len(found) > 0 {
		s.report.WithIndicators++
	}
	s.report.Indicators += len(found)
	rules := map[int]bool{}
	keys := make([]string, len(found))
	for i, f := range found {
		keys[i] = f.Indicator.Clone().Key()
		s.distinct[keys[i]] = true
		s.report.Kinds[f.Indicator.Kind().String()]++
		rules[f.Rule] = true
	}
	for r := range rules {
		s.report.Rules[s.x.set.RuleName(r)]++
	}
	s.costs.add(line, keys)
	for _, l := range leaves(line) {
		s.look(l)
	}
}

// look notes a leaf that looks like an indicator where no rule takes one.
func (s *survey) look(l leaf) {
	covered, known := s.covered[l.path]
	if !known {
		covered = isOurs(l.path)
		for p, path := range s.x.set.Paths() {
			covered = covered || covers(path, l.path) && len(s.x.set.RulesAt(p)) > 0
		}
		s.covered[l.path] = covered
	}
	if covered {
		return
	}
	indicator, ok := looksLike(l.value)
	if !ok {
		return
	}
	u := s.uncovered[l.path]
	if u == nil {
		u = &uncovered{Field: l.path, Kind: indicator.Kind().String(), Example: l.value}
		s.uncovered[l.path] = u
	}
	u.Count++
}

func (s *survey) finish() report {
	s.report.Distinct = len(s.distinct)
	for _, u := range s.uncovered {
		s.report.Uncovered = append(s.report.Uncovered, *u)
	}
	slices.SortFunc(s.report.Uncovered, func(a, b uncovered) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Field, b.Field))
	})
	s.report.Searches = s.costs.total
	return s.report
}

// write writes the report for people.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "%d alerts, %d of them with indicators: %d indicators, %d different ones.\n",
		r.Alerts, r.WithIndicators, r.Indicators, r.Distinct)
	if r.NotAlerts > 0 {
		fmt.Fprintf(w, "Lines that are no JSON objects: %d.\n", r.NotAlerts)
	}
	table := func(title string, counts map[string]int) {
		fmt.Fprintf(w, "\n%s\n", title)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
		})
		for _, name := range names {
			fmt.Fprintf(t, "  %s\t%d\n", name, counts[name])
		}
		t.Flush()
	}
	table("Indicators by kind", r.Kinds)
	table("Alerts by rule", r.Rules)
	fmt.Fprintln(w, "\nFields that look like indicators and are taken by no rule")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, u := range r.Uncovered {
		fmt.Fprintf(t, "  %s\t%d\t%s\t%s\n", printable(u.Field), u.Count, u.Kind, printable(shorten(u.Example)))
	}
	t.Flush()
	if len(r.Uncovered) == 0 {
		fmt.Fprintln(w, "  none")
	}
	r.Searches.write(w)
}

// shorten cuts text for a table.
func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
