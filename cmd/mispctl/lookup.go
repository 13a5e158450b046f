package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

type lookupCmd struct {
	settings
	Kind   string   `help:"What the values are: ip, domain, url, md5, ... By default each is taken for what it looks like." placeholder:"KIND"`
	JSON   bool     `name:"json" help:"Write a JSON object for each value, one a line."`
	Values []string `arg:"" name:"value" help:"What to look up."`
}

func (*lookupCmd) Help() string {
	return `Shows every attribute of MISP that holds one of the values, also those that the plugin would not report, and then which of its options hides them.

Exit code: 0 if the plugin would report one of the values, 1 if none, 2 on trouble.`
}

// A result is what came out for one value.
type result struct {
	Value      string      `json:"value"`
	Kind       string      `json:"kind,omitempty"`
	Indicator  string      `json:"indicator,omitempty"`
	Verdict    string      `json:"verdict"` // hit, clean, unknown, or none if the value is no indicator
	Error      string      `json:"error,omitempty"`
	Note       string      `json:"note,omitempty"`
	Complete   bool        `json:"complete"` // whether all attributes were read
	Attributes []attribute `json:"attributes,omitempty"`
}

type attribute struct {
	Value       string   `json:"value"`
	Type        string   `json:"type"`
	Category    string   `json:"category"`
	Comment     string   `json:"comment,omitempty"`
	UUID        string   `json:"uuid"`
	ID          int64    `json:"id"`
	ToIDs       bool     `json:"to_ids"`
	Timestamp   int64    `json:"timestamp"`
	Tags        []string `json:"tags,omitempty"`
	EventID     int64    `json:"event_id"`
	EventInfo   string   `json:"event_info"`
	EventOrg    string   `json:"event_org"`
	EventDate   string   `json:"event_date"`
	EventURL    string   `json:"event_url"`
	Published   bool     `json:"event_published"`
	ThreatLevel int      `json:"threat_level"`
	HiddenBy    []string `json:"hidden_by,omitempty"`
}

func (c *lookupCmd) Run(std streams) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	forced := ioc.None
	if c.Kind != "" {
		if forced, err = ioc.ParseKind(c.Kind); err != nil {
			return err
		}
	}
	o.MISP.Log = logger(std.err)
	client, err := misp.NewClient(o.MISP)
	if err != nil {
		return err
	}
	defer client.Close()

	var results []result
	for _, value := range c.Values {
		r, err := look(client, forced, value)
		if err != nil {
			return err // what goes for one value goes for all
		}
		results = append(results, r)
	}
	if c.JSON {
		out := json.NewEncoder(std.out)
		out.SetEscapeHTML(false)
		for _, r := range results {
			if err := out.Encode(r); err != nil {
				return err
			}
		}
	} else {
		writeTable(std.out, results)
	}
	for _, r := range results {
		if r.Verdict == misp.Known.String() {
			return nil
		}
	}
	return errNothing
}

// look asks for one value.
func look(client *misp.Client, kind ioc.Kind, value string) (result, error) {
	r := result{Value: value, Verdict: "none", Complete: true}
	value = ioc.Refang(value) // as analysts write and paste it
	if kind == ioc.None {
		kind = ioc.Guess([]byte(value))
	}
	if kind == ioc.None {
		r.Error = "it looks like no kind of indicator; --kind says what it is"
		return r, nil
	}
	r.Kind = kind.String()
	indicator, reason := ioc.Normalize(kind, value)
	if reason != ioc.OK {
		r.Error = reason.String()
		return r, nil
	}
	r.Indicator = indicator.Value()
	if addr, _ := ioc.ParseAddr([]byte(value)); kind == ioc.IP && !ioc.IsPublic(addr) {
		r.Note = "it is not a public address: the plugin looks up no others, unless its rules say so"
	}
	findings, complete, err := client.Search(context.Background(), indicator)
	if err != nil {
		return r, err
	}
	r.Verdict, r.Complete = misp.Clean.String(), complete
	for _, f := range findings {
		if len(f.HiddenBy) == 0 {
			r.Verdict = misp.Known.String()
		}
		r.Attributes = append(r.Attributes, attribute{
			Value: f.Value, Type: f.Type, Category: f.Category, Comment: f.Comment, UUID: f.UUID,
			ID: f.ID, ToIDs: f.ToIDs, Timestamp: f.Timestamp, Tags: f.Tags,
			EventID: f.EventID, EventInfo: f.Event.Info, EventOrg: f.Event.Org, EventDate: f.Event.Date,
			EventURL: f.Event.URL, Published: f.Event.Published, ThreatLevel: f.Event.ThreatLevel,
			HiddenBy: f.HiddenBy,
		})
	}
	return r, nil
}

// writeTable writes the results for people: a row for each attribute, and
// below, what hides some of them.
func writeTable(w io.Writer, results []result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VALUE\tKIND\tVERDICT\tTYPE\tEVENT\tORG\tDATE\tTAGS")
	hidden := map[string]bool{}
	for _, r := range results {
		shown := printable(r.Value)
		if len(r.Attributes) == 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t\t\t\t\t\n", shown, r.Kind, r.Verdict)
		}
		for _, a := range r.Attributes {
			verdict := "hit"
			if len(a.HiddenBy) > 0 {
				verdict = "hidden by " + strings.Join(a.HiddenBy, " and ")
				for _, by := range a.HiddenBy {
					hidden[by] = true
				}
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t#%d %s\t%s\t%s\t%s\n", shown, r.Kind, verdict, a.Type,
				a.EventID, printable(a.EventInfo), printable(a.EventOrg), a.EventDate, printable(strings.Join(a.Tags, " ")))
		}
	}
	t.Flush()
	for _, by := range []struct{ name, why string }{
		{"published", "hidden by published: the event is not published; with the option published=any it counts"},
		{"to_ids", "hidden by to_ids: the attribute is not meant for detection; with the option to_ids=any it counts"},
		{"type", "hidden by type: the attribute is of a type in which the plugin does not look for this kind; --kind says which kind is meant"},
	} {
		if hidden[by.name] {
			fmt.Fprintln(w, by.why)
		}
	}
	for _, r := range results {
		if r.Error != "" {
			fmt.Fprintf(w, "%s is not looked up: %s\n", printable(r.Value), r.Error)
		}
		if r.Note != "" {
			fmt.Fprintf(w, "%s: %s\n", printable(r.Value), r.Note)
		}
		if !r.Complete {
			fmt.Fprintf(w, "%s is in more attributes than are shown\n", printable(r.Value))
		}
	}
}

// printable makes text from outside safe for a terminal and for one row.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '.'
		}
		return r
	}, s)
}
