package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/rules"
)

type extractCmd struct {
	ruleFlags
	File string `arg:"" help:"File of alerts, one JSON object a line, also gzipped; - is the standard input."`
}

// ruleFlags are the flags of every command that only reads alerts.
type ruleFlags struct {
	Rules  []string `help:"Rule files; default stands for the rules that are built in." default:"default" placeholder:"FILE"`
	Text   bool     `help:"Look into free text too."`
	Ignore []string `help:"Networks and domains that are never looked up." placeholder:"NETWORK"`
}

func (*extractCmd) Help() string {
	return `Writes one JSON object for each line, in its order: the alert's id and the indicators that the plugin would look up. MISP is not asked.`
}

// An extracted is what one alert has.
type extracted struct {
	ID         json.RawMessage `json:"id"`
	Indicators []indicator     `json:"indicators"`
	Error      string          `json:"error,omitempty"` // of a line that is no alert
}

type indicator struct {
	Kind    string `json:"kind"`
	Value   string `json:"value"`
	Field   string `json:"field"`
	Rule    string `json:"rule"`
	Derived string `json:"derived,omitempty"` // from what: host of a URL, parent of a domain
}

func (c *extractCmd) Run(std streams) error {
	x, err := c.extractor()
	if err != nil {
		return err
	}
	lines, err := openLines(c.File, std.in)
	if err != nil {
		return err
	}
	defer lines.Close()
	buffered := bufio.NewWriter(std.out)
	out := json.NewEncoder(buffered)
	out.SetEscapeHTML(false)
	for {
		line, err := lines.Next()
		if err == io.EOF {
			return buffered.Flush()
		}
		if err != nil {
			return errors.Join(err, buffered.Flush())
		}
		if err := out.Encode(x.extract(line)); err != nil {
			return err
		}
		if !lines.Ready() {
			if err := buffered.Flush(); err != nil {
				return err
			}
		}
	}
}

// An extractor runs the rules over single alerts.
type extractor struct {
	set     *rules.Set
	scanner *event.Scanner
	found   rules.Extraction
	chunk   []byte
}

// extractor compiles the rules.
func (f *ruleFlags) extractor() (*extractor, error) {
	o := enrich.Options{Rules: f.Rules, Text: f.Text, Ignore: f.Ignore}
	set, err := o.CompileRules()
	if err != nil {
		return nil, err
	}
	paths, err := event.NewPaths(set.Paths())
	if err != nil {
		return nil, err
	}
	return &extractor{set: set, scanner: event.NewScanner(paths), found: rules.Extraction{Agents: &rules.Agents{}}}, nil
}

// scan leaves what one alert has in x.found.
func (x *extractor) scan(line []byte) (err error) {
	x.found.Reset()
	if x.chunk, err = event.AppendJSON(x.chunk[:0], time.Time{}, line); err != nil {
		return err
	}
	for x.scanner.Reset(x.chunk); x.scanner.Next(); {
		x.set.Extract(x.scanner.Fields(), &x.found)
	}
	return nil
}

func (x *extractor) extract(line []byte) extracted {
	result := extracted{ID: json.RawMessage("null"), Indicators: []indicator{}}
	if err := x.scan(line); err != nil {
		result.Error = err.Error()
		return result
	}
	var alert struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(line, &alert); err == nil && alert.ID != nil {
		result.ID = alert.ID
	}
	for _, f := range x.found.Found {
		result.Indicators = append(result.Indicators, indicator{
			Kind:    f.Indicator.Kind().String(),
			Value:   f.Indicator.Value(),
			Field:   x.set.Paths()[f.Path],
			Rule:    x.set.RuleName(f.Rule),
			Derived: f.Derived.String(),
		})
	}
	return result
}
