package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

type explainCmd struct {
	settings
	ruleFlags
	Line        int    `help:"Which line of the file." default:"1" placeholder:"N"`
	JSON        bool   `name:"json" help:"Write a JSON object for each field, one a line."`
	StoragePath string `help:"The option storage_path of a plugin that runs: say what its cache holds." placeholder:"DIR"`
	File        string `arg:"" help:"File with an alert, one JSON object a line, or one alone, also as a dashboard shows it; - is the standard input."`
}

func (*explainCmd) Help() string {
	return `Shows what the plugin does with one alert: each field that looks like an indicator or that a rule takes, what it was normalised to or why it was passed over, and, where the address and the key of a MISP are given, what MISP says. With --storage-path it also shows what a plugin that runs on this machine has in its cache, as the user as whom Fluent Bit runs.`
}

// An explanation is what there is to say of one field.
type explanation struct {
	Field      string        `json:"field"`
	Value      string        `json:"value"`
	Rule       string        `json:"rule,omitempty"`
	Kind       string        `json:"kind,omitempty"`
	Indicator  string        `json:"indicator,omitempty"`
	Derived    string        `json:"derived,omitempty"`
	PassedOver string        `json:"passed_over,omitempty"` // why it is not looked up
	Verdict    string        `json:"verdict,omitempty"`     // what MISP said, if it was asked
	Error      string        `json:"error,omitempty"`
	Attributes []attribute   `json:"attributes,omitempty"`
	Cache      []enrich.Held `json:"cache,omitempty"` // of each plugin instance that runs

	found ioc.Indicator
}

func (c *explainCmd) Run(std streams) error {
	for _, name := range []string{"rules", "text", "ignore"} {
		if _, set := c.Option[name]; set {
			return fmt.Errorf("-o %s has no effect here: want --%s", name, name)
		}
	}
	line, err := c.line(std.in)
	if err != nil {
		return err
	}
	explanations, err := explain(&c.ruleFlags, line)
	if err != nil {
		return err
	}
	asks := c.namesMISP()
	if asks {
		if err := c.ask(explanations); err != nil {
			return err
		}
	}
	if c.StoragePath != "" {
		if err := c.peek(explanations); err != nil {
			return err
		}
	}
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetEscapeHTML(false)
		for _, e := range explanations {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range explanations {
		e.write(std.out)
	}
	switch {
	case len(explanations) == 0:
		fmt.Fprintln(std.out, "No field of the alert looks like an indicator.")
	case !asks:
		fmt.Fprintln(std.out, "MISP was not asked: --url, and MISP_API_KEY or --api-key-file, say which to ask.")
	}
	return nil
}

// namesMISP reports whether the settings say which MISP to ask.
func (c *explainCmd) namesMISP() bool {
	_, url := c.property("url")
	_, key := c.property("api_key")
	_, file := c.property("api_key_file")
	return url && (key || file)
}

// line returns the line that is to be explained.
func (c *explainCmd) line(stdin io.Reader) ([]byte, error) {
	in, err := openLines(c.File, stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	for n := 1; ; n++ {
		line, err := in.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("%s has no line %d", c.File, c.Line)
		}
		if err != nil {
			return nil, err
		}
		if n == c.Line {
			if n == 1 {
				line = whole(line, in.r)
			}
			return unwrap(line), nil
		}
	}
}

// explain says what the rules do with an alert.
func explain(flags *ruleFlags, line []byte) ([]*explanation, error) {
	x, err := flags.extractor()
	if err != nil {
		return nil, err
	}
	var all []*explanation
	x.found.Rejected = func(rule, path int, raw []byte, why string) {
		all = append(all, &explanation{
			Field: x.set.Paths()[path], Value: string(raw), Rule: x.set.RuleName(rule), PassedOver: why,
		})
	}
	if err := x.scan(line); err != nil {
		return nil, fmt.Errorf("%w; want an alert a line, or one alone", err)
	}
	values := leaves(line)
	for _, f := range x.found.Found {
		path := x.set.Paths()[f.Path]
		e := &explanation{
			Field: path, Rule: x.set.RuleName(f.Rule), Kind: f.Indicator.Kind().String(),
			Indicator: f.Indicator.Value(), Derived: f.Derived.String(), found: f.Indicator,
		}
		for _, l := range values {
			if covers(path, l.path) && (e.Value == "" || strings.Contains(strings.ToLower(ioc.Refang(l.value)), strings.ToLower(e.Indicator))) {
				e.Value = l.value
			}
		}
		all = append(all, e)
	}
	explained := len(all)
	for _, l := range values {
		taken := false
		for _, e := range all[:explained] {
			taken = taken || covers(e.Field, l.path)
		}
		if indicator, ok := looksLike(l.value); ok && !taken {
			all = append(all, &explanation{
				Field: l.path, Value: l.value, Kind: indicator.Kind().String(), PassedOver: x.whyNot(l.path),
			})
		}
	}
	return all, nil
}

// whyNot says why no rule took a value at path.
func (x *extractor) whyNot(path string) string {
	if isOurs(path) {
		return "it names one of our own machines"
	}
	var rules []string
	for p, rulePath := range x.set.Paths() {
		if covers(rulePath, path) {
			for _, r := range x.set.RulesAt(p) {
				rules = append(rules, x.set.RuleName(r))
			}
		}
	}
	if rules == nil {
		return "no rule takes this field"
	}
	return "the conditions of the rules that take this field do not hold: " + strings.Join(rules, ", ")
}

// ask adds what MISP says.
func (c *explainCmd) ask(explanations []*explanation) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	client, err := misp.NewClient(o.MISP)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, e := range explanations {
		if e.found.IsZero() {
			continue
		}
		r, err := look(client, e.found.Kind(), e.Indicator)
		if err != nil {
			e.Verdict, e.Error = misp.Unknown.String(), err.Error()
			continue
		}
		e.Verdict, e.Attributes = r.Verdict, r.Attributes
		// A parent of a domain matches only where MISP lists the whole domain.
		if e.Derived == "parent" {
			e.Verdict = misp.Clean.String()
			for i := range e.Attributes {
				if a := &e.Attributes[i]; a.Type != "domain" {
					a.HiddenBy = append(a.HiddenBy, "type")
				} else if len(a.HiddenBy) == 0 {
					e.Verdict = misp.Known.String()
				}
			}
		}
	}
	return nil
}

// peek adds what the caches of a plugin that runs hold.
func (c *explainCmd) peek(explanations []*explanation) error {
	var asked []*explanation
	var indicators []ioc.Indicator
	for _, e := range explanations {
		if !e.found.IsZero() {
			asked, indicators = append(asked, e), append(indicators, e.found)
		}
	}
	held, err := enrich.Peek(c.StoragePath, indicators)
	if err != nil {
		return err
	}
	for i, e := range asked {
		if e.Cache = held[i]; len(e.Cache) == 0 {
			return fmt.Errorf("no plugin runs with storage_path %s", c.StoragePath)
		}
	}
	return nil
}

// write writes an explanation for people.
func (e *explanation) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", printable(e.Field), printable(shorten(e.Value)))
	if e.Rule != "" {
		fmt.Fprintf(w, "    rule      %s\n", e.Rule)
	}
	if e.PassedOver != "" {
		fmt.Fprintf(w, "    not taken %s\n", e.PassedOver)
		return
	}
	fmt.Fprintf(w, "    looked up %s %s", e.Kind, e.Indicator)
	if e.Derived != "" {
		fmt.Fprintf(w, " (derived: %s)", map[string]string{"host": "the host of the URL", "parent": "a parent of the domain"}[e.Derived])
	}
	fmt.Fprintln(w)
	switch {
	case e.Error != "":
		fmt.Fprintf(w, "    MISP      unknown: %s\n", printable(e.Error))
	case e.Verdict != "" && len(e.Attributes) == 0:
		fmt.Fprintln(w, "    MISP      does not know it")
	}
	for _, a := range e.Attributes {
		hidden := ""
		if len(a.HiddenBy) > 0 {
			hidden = ", hidden by " + strings.Join(a.HiddenBy, " and ")
		}
		fmt.Fprintf(w, "    MISP      %s in event #%d %s (%s)%s\n", a.Type, a.EventID, printable(a.EventInfo), printable(a.EventOrg), hidden)
	}
	for _, h := range e.Cache {
		fmt.Fprintf(w, "    cache     %v (%s)\n", h, h.Queue)
	}
}
