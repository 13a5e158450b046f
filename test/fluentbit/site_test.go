package fluentbit

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-misp/enrich"
)

// Both examples list every option of the filter once, with a value that it
// accepts or none.
func TestExamplesListTheOptions(t *testing.T) {
	for _, example := range []string{"fluent-bit.conf.example", "fluent-bit.yaml.example"} {
		site := Site{Dir: t.TempDir(), URL: "http://127.0.0.1:9", Key: "k"}
		if err := site.Install(); err != nil {
			t.Fatal(err)
		}
		text, err := site.adapt(example)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, name := range enrich.OptionNames() {
			if name == "api_key" {
				continue // the examples have the key in a file
			}
			line := regexp.MustCompile(`(?m)^ +(?:# )?` + regexp.QuoteMeta(name) + `(?::|\b)(.*)$`)
			found := line.FindAllStringSubmatch(filter.FindString(text), -1)
			if len(found) != 1 {
				t.Errorf("%s has %d lines for %s, want one", example, len(found), name)
				continue
			}
			value, _, _ := strings.Cut(found[0][1], "#")
			if value = strings.TrimSpace(value); value != "" {
				values[name] = value
			}
		}
		if _, err := enrich.ParseOptions(func(name string) (string, bool) {
			value, set := values[name]
			return value, set
		}); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
}

func TestSite(t *testing.T) {
	for _, test := range []struct {
		name string
		site Site
		want []string // lines in the configuration
		not  []string // words that are not there
	}{
		{"classic", Site{Options: []string{"timeout 1s"}}, []string{"    url          http://127.0.0.1:9", "    timeout 1s"}, nil},
		{"yaml", Site{YAML: true, Options: []string{"timeout: 1s"}}, []string{"      url: http://127.0.0.1:9", "      timeout: 1s"}, nil},
		{"bypass", Site{Bypass: true}, []string{"[OUTPUT]"}, []string{"[FILTER]", "http://127.0.0.1:9"}},
		{"yaml bypass", Site{YAML: true, Bypass: true}, []string{"  outputs:"}, []string{"filters:", "http://127.0.0.1:9"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.site.Dir, test.site.URL = t.TempDir(), "http://127.0.0.1:9"
			if err := test.site.Install(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(test.site.Config())
			if err != nil {
				t.Fatal(err)
			}
			text := string(b)
			for _, line := range test.want {
				if strings.Count(text, "\n"+line+"\n") != 1 {
					t.Errorf("want the line %q once in\n%s", line, text)
				}
			}
			// Nothing may point out of the site.
			for _, word := range append(test.not, "/var/", "/etc/fluent-bit", "/usr/") {
				for line := range strings.Lines(strings.ReplaceAll(text, test.site.Dir, "")) {
					if strings.Contains(line, word) && !strings.Contains(line, "#") && !strings.Contains(line, filepath.Join("build", "flb-")) {
						t.Errorf("the configuration has %q", line)
					}
				}
			}
		})
	}
}
