package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func noEnv(string) (string, bool) { return "", false }

// What is read has its place, and values have their variables filled in.
func TestLoad(t *testing.T) {
	for _, test := range []struct {
		name, file, text string
		want             []string // of every property: section key=value line
	}{
		{"classic", "a.conf", "@SET NAME=x\n# comment\n[Input]\n    Name  tail \n\n    Path a ${NAME} b\n[OUTPUT]\n    Name null",
			[]string{"input Name=tail 4", "input Path=a x b 6", "output Name=null 8"}},
		{"tabs", "a.conf", "[INPUT]\n\tName tail\n\t# comment\n", []string{"input Name=tail 2"}},
		{"defaults", "a.conf", "[INPUT]\n Name ${A:-tail}.${B:-}${unclosed\n", []string{"input Name=tail.${unclosed 2"}},
		{"yaml", "a.yaml", "env:\n  NAME: x\nservice: {flush: 1}\npipeline:\n  inputs:\n    - name: tail\n      path: ${NAME}\n      list: [a, b]\n",
			[]string{"service flush=1 3", "input name=tail 6", "input path=x 7", "input list=a 8", "input list=b 8"}},
		{"mappings", "a.yaml", "pipeline:\n  filters:\n    - name: x\n      one: {a: b}\n      two:\n        a: b\n        c: d\n",
			[]string{"filter name=x 3", "filter one= 4", "filter two= 5"}},
		{"processors", "a.yml", "pipeline:\n  inputs:\n    - name: tail\n      processors:\n        logs:\n          - name: misp\n",
			[]string{"processor name=misp 6", "input name=tail 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), test.file)
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c := Load(file, noEnv)
			var got []string
			for _, s := range c.Sections {
				for _, p := range s.Properties {
					got = append(got, fmt.Sprintf("%s %s=%s %d", s.Kind, p.Key, p.Value, p.Place.Line))
				}
			}
			if !slices.Equal(got, test.want) || len(c.Mistakes) > 0 {
				t.Errorf("got %q, mistakes %v\nwant %q", got, c.Mistakes, test.want)
			}
		})
	}
}

// Whatever a file is, it is read to an end, and all that is said of it is
// about a line that it has.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"[SERVICE]\n    Flush 1\n", "service:\n  flush: 1\n", "@INCLUDE a.conf\n", "includes: [a.yaml]\n",
		"\ufeff[A]\r\n k v\r\n", "@SET a=${b}\n[A]\n k ${a}${\n", "pipeline:\n  inputs:\n  - name: x\n    processors: {logs: [{name: misp}]}\n", "\x00",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, yaml bool) {
		file := filepath.Join(t.TempDir(), map[bool]string{true: "a.yaml", false: "a.conf"}[yaml])
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		lines := 1 + strings.Count(text, "\n") + strings.Count(text, "\r")
		inside := func(p Place) bool { return p.File == file && p.Line >= 1 && p.Line <= lines }
		c := Load(file, noEnv)
		for _, m := range c.Mistakes {
			if !inside(m.Place) || m.Message == "" {
				t.Errorf("of %d lines, this is not one: %s", lines, m)
			}
		}
		for _, s := range c.Sections {
			for _, p := range s.Properties {
				if !inside(p.Place) {
					t.Errorf("of %d lines, %s is not in one: %s", lines, p.Key, p.Place)
				}
			}
		}
	})
}
