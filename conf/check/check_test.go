package check

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"fluent-bit-misp/conf"
	"fluent-bit-misp/test/fluentbit"
)

var update = flag.Bool("update", false, "write what is found into testdata")

// site is what every configuration in testdata finds beside it, unless it has
// files of these names itself.
var site = map[string]string{
	"alerts.json":  "{}\n",
	"misp.key":     "0123456789012345678901234567890123456789\n",
	"parsers.conf": "[PARSER]\n    Name wazuh\n    Format json\n    Time_Key timestamp\n    Time_Format %Y-%m-%dT%H:%M:%S.%L%z\n    Time_Keep On\n",
}

// Each file in testdata is a configuration, those that are bad with the one
// mistake that they have in their last part, those that are unwise with the one
// warning; the first part is the file that Fluent Bit is started with.
func TestFile(t *testing.T) {
	for _, sort := range []struct {
		dir   string
		count int
	}{{"good", 10}, {"bad", 30}, {"unwise", 3}} {
		files, err := filepath.Glob(filepath.Join("testdata", sort.dir, "*.txtar"))
		if err != nil || len(files) < sort.count {
			t.Fatalf("%s: %d configurations, %v; want %d", sort.dir, len(files), err, sort.count)
		}
		for _, name := range files {
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
				archive, err := txtar.ParseFile(name)
				if err != nil {
					t.Fatal(err)
				}
				last := &archive.Files[len(archive.Files)-1]
				if (last.Name == "want") != (sort.dir != "good") {
					t.Fatalf("%s ends with the part %s", name, last.Name)
				}
				got := find(t, archive)
				want := ""
				if last.Name == "want" {
					want = string(last.Data)
				}
				if *update && last.Name == "want" {
					last.Data = []byte(got)
					_ = os.Remove(name) // or it keeps its mode
					if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if got != want {
					t.Errorf("found\n%swant\n%s", got, want)
				}
				if n := strings.Count(got, "\n"); sort.dir != "good" && n != 1 {
					t.Errorf("found %d mistakes, want the one that was made:\n%s", n, got)
				}
				if warned := strings.Contains(got, ": warning: "); warned != (sort.dir == "unwise") {
					t.Errorf("as a warning: %v", warned)
				}
			})
		}
	}
}

// find writes a configuration to a directory and checks it there.
func find(t *testing.T, archive *txtar.Archive) string {
	dir := t.TempDir()
	for name, text := range site {
		write(t, filepath.Join(dir, name), text, 0o600)
	}
	for _, f := range archive.Files {
		name, mode := f.Name, os.FileMode(0o600)
		text := strings.ReplaceAll(string(f.Data), "@DIR@", dir)
		for suffix, of := range map[string]os.FileMode{" (readable)": 0o644, " (of a group)": 0o640} {
			if rest, found := strings.CutSuffix(name, suffix); found {
				name, mode = rest, of
			}
		}
		if rest, found := strings.CutSuffix(name, " (crlf)"); found {
			name, text = rest, strings.ReplaceAll(text, "\n", "\r\n")
		}
		if rest, found := strings.CutSuffix(name, " (bom)"); found {
			name, text = rest, "\ufeff"+text
		}
		write(t, filepath.Join(dir, name), text, mode)
	}
	first, _, _ := strings.Cut(archive.Files[0].Name, " ")
	var b strings.Builder
	for _, m := range File(filepath.Join(dir, first), Options{Env: func(name string) (string, bool) {
		return map[string]string{"DIR": dir}[name], name == "DIR"
	}}) {
		b.WriteString(strings.ReplaceAll(m.String(), dir+"/", "") + "\n")
	}
	return strings.ReplaceAll(b.String(), dir, "DIR")
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(name) // or it keeps its mode
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// The examples of the repository are right, wherever they are checked, also
// with what is off in them.
func TestExamples(t *testing.T) {
	for _, name := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
		src, err := os.ReadFile(filepath.Join("..", "..", name+".example"))
		if err != nil {
			t.Fatal(err)
		}
		parts := fluentbit.Parts(string(src))
		if got := strings.Join(parts, " "); got != "opensearch modify gelf kafka misp" && got != "modify opensearch gelf kafka misp" {
			t.Errorf("%s has these parts that are off: %s", name, got)
		}
		file := filepath.Join(t.TempDir(), name)
		unset := func(string) (string, bool) { return "", false }
		sections := 0
		for _, on := range append([]string{""}, parts...) {
			write(t, file, fluentbit.SwitchOn(string(src), on), 0o600)
			for _, m := range File(file, Options{Env: unset, Elsewhere: true}) {
				t.Errorf("with %q: %s", on, m)
			}
			n := len(conf.Load(file, unset).Sections)
			if on == "" {
				sections = n
			} else if n != sections+1 {
				t.Errorf("%s has %d sections with %s, %d without", name, n, on, sections)
			}
		}
	}
}
