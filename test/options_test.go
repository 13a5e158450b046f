package test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
)

// rows returns the rows of the tables in a file of docs whose first column has
// that name, each as its cells.
func rows(t *testing.T, file, first string) [][]string {
	t.Helper()
	var all [][]string
	within := false
	for line := range strings.Lines(read(t, "../docs/"+file)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			within = false
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		switch {
		case cells[0] == first:
			within = true
		case within && !strings.HasPrefix(line, "|-"):
			all = append(all, cells)
		}
	}
	return all
}

// bare takes the backquotes off a cell.
func bare(cell string) string { return strings.Trim(cell, "`") }

// docs/options.md lists every option once, and no other, with the default that
// the code has.
func TestOptionsDoc(t *testing.T) {
	want := slices.Concat(enrich.OptionNames(), forward.OptionNames(), []string{"on_unknown"})
	defaults := map[string]string{}
	for _, row := range rows(t, "options.md", "option") {
		name := bare(row[0])
		if _, twice := defaults[name]; twice || !slices.Contains(want, name) {
			t.Errorf("docs/options.md has %s, which is there twice or no option", name)
		}
		if len(row) != 4 || row[2] == "" {
			t.Errorf("docs/options.md does not say what %s takes", name)
		}
		defaults[name] = bare(row[1])
	}
	for _, name := range want {
		value, documented := defaults[name]
		if !documented {
			t.Errorf("docs/options.md has no %s", name)
		}
		// Of these, nothing is the default, or something of this machine.
		none := regexp.MustCompile(`^(url|api_key.*|.*_file|.*targets|.*shared_key|.*self_hostname|proxy|ignore|storage_path|fields)$`)
		if none.MatchString(name) != (value == "") {
			t.Errorf("docs/options.md has the default %q for %s", value, name)
		}
		if value == "" {
			continue
		}
		if got, want := defaulted(t, name, value), defaulted(t, "", ""); !reflect.DeepEqual(got, want) {
			t.Errorf("docs/options.md has another default for %s, %s, than the code", name, value)
		}
	}
}

// settings are what the options of a section come to.
type settings struct {
	Enrich  enrich.Options
	Forward forward.Config
}

// defaulted returns what a section with one option comes to, and what it must
// have.
func defaulted(t *testing.T, name, value string) settings {
	property := func(n string) (string, bool) {
		switch n {
		case name:
			return value, true
		case "forward.targets":
			return "127.0.0.1:1", true
		}
		return "", false
	}
	options, err := enrich.ParseOptions(property)
	if err != nil {
		t.Error(err)
	}
	options.MISP, options.Cache = options.MISP.WithDefaults(), options.Cache.WithDefaults()
	sender, err := forward.ParseOptions(property)
	if err != nil {
		t.Error(err)
	}
	return settings{options, sender}
}
