package rules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakes has a file for each mistake, and beside it the message.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata/bad", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), src)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			got := err.Error() + "\n"
			wants := strings.TrimSuffix(file, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(wants, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wants)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestSeveralFiles(t *testing.T) {
	const base = `
version: 1
ignore: {networks: [198.51.100.0/24]}
rules:
  - {name: a, lookup: [{field: a, type: ip}]}
  - {name: b, enabled: false, lookup: [{field: b, type: ip}]}
  - {name: t, enabled: text, lookup: [{field: t, type: text}]}
`
	const event = `{"a":"203.0.113.1","b":"203.0.113.2","c":"203.0.113.3","i":"198.51.100.1","t":"203.0.113.4"}`
	tests := []struct {
		name, second string
		text         bool
		want         string
	}{
		{"alone", "version: 1", false, "a"},
		{"with text", "version: 1", true, "a t"},
		{"one more", "version: 1\nrules: [{name: c, lookup: [{field: c, type: ip}]}]", false, "a c"},
		{"replaced", "version: 1\nrules: [{name: a, lookup: [{field: c, type: ip}]}]", false, "c"},
		{"switched", "version: 1\nrules: [{name: a, enabled: false}, {name: b, enabled: true}]", false, "b"},
		{"text in spite of the option", "version: 1\nrules: [{name: t, enabled: true}]", false, "a t"},
		{"what they ignore adds up", "version: 1\nignore: {networks: [203.0.113.1]}\nrules: [{name: c, lookup: [{fields: [c, i], type: ip}]}]", false, "c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var paths []string
			for _, line := range found(t, compile(t, Options{Text: test.text}, base, test.second), event) {
				path, _, _ := strings.Cut(line, " ")
				paths = append(paths, path)
			}
			if got := strings.Join(paths, " "); got != test.want {
				t.Errorf("found at %q, want %q", got, test.want)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	parse := func(src string) *File {
		f, err := Parse("own.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	tests := []struct {
		name    string
		options Options
		file    string
		want    string
	}{
		{"a switch for no rule", Options{}, "version: 1\nrules:\n  - {name: sysmom, enabled: false}",
			"own.yaml:3:12: there is no rule \"sysmom\" to switch, and this one has no lookup\n" +
				"      - {name: sysmom, enabled: false}\n" +
				"               ^"},
		{"a bad option", Options{Ignore: []string{"private", "10.0.0.0/40", "corp.example", "?"}}, "version: 1",
			"ignore: \"10.0.0.0/40\" is no network, no address and no domain\n" +
				"ignore: \"?\" is no network, no address and no domain"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Compile(test.options, parse(test.file))
			if err == nil || err.Error() != test.want {
				t.Errorf("got\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

// FuzzParse has any text as a rule file: what is refused has a place in it,
// and what is not can be compiled and used.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.yaml", "testdata/bad/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(src) < 4096 {
				f.Add(src)
			}
		}
	}
	f.Add([]byte("version: 1\nrules:\n- {name: r, enabled: text, when: [{a|gt: 1}, {b: [x, y]}], unless: {c|cidr: private}, lookup: [{field: a.*, type: command}]}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("fuzz.yaml", src)
		if err != nil {
			var mistakes Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("%T is not Mistakes", err)
			}
			lines := 1 + strings.Count(string(src), "\n") + strings.Count(string(src), "\r")
			for _, m := range mistakes {
				if m.Line < 1 || m.Line > lines || m.Column < 1 || m.Message == "" {
					t.Errorf("no place in a file of %d lines: %+v", lines, m)
				}
			}
			return
		}
		s, err := Compile(Options{Text: true}, file)
		if err != nil {
			return
		}
		found(t, s, `{"agent":{"ip":"203.0.113.1"},"a":{"b":["x","203.0.113.2"]},"c":1}`)
	})
}
