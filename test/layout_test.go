// Package test checks the shape of the whole project; its folders test the
// parts together.
package test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// may says which packages of the project each package may import. Tests may
// import more.
var may = map[string][]string{
	"misp/ioc":       {},
	"rules/fields":   {},
	"enrich/event":   {"rules/fields"},
	"enrich/pending": {"misp/file"},
	"enrich/forward": {"misp/file"},
	"rules":          {"misp/ioc", "rules/fields"},
	"misp":           {"misp/file", "misp/ioc"},
	"misp/file":      {},
	"misp/misptest":  {"misp/ioc"},
	"enrich":         {"enrich/event", "enrich/pending", "rules", "misp", "misp/file", "misp/ioc"},
	"enrich/metrics": {"enrich", "enrich/forward", "misp", "version"},
	"plugin":         {"enrich", "enrich/forward", "enrich/metrics", "version"},
	"conf":           {},
	"conf/check":     {"conf", "enrich", "enrich/forward", "rules"},
	"version":        {},
	"cmd/mispctl":    {"version", "conf", "conf/check", "enrich", "enrich/event", "rules", "misp", "misp/ioc", "misp/misptest"},
	"packaging/sbom": {},
	"test":           {},
	"test/gen":       {},
	"test/gen/cmd":   {"test/gen"},
	"test/host":      {},
	"test/e2e":       {},
	"test/chaos":     {},
	"test/fluentbit": {},
	"test/receiver":  {},
	"test/demo":      {"misp/misptest", "enrich/event", "test/fluentbit"},
	"test/pipeline":  {"misp/misptest", "test/gen", "test/fluentbit"},
}

const module = "fluent-bit-misp/"

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(line)
		pkg := strings.TrimPrefix(paths[0], module)
		allowed, known := may[pkg]
		if !known {
			t.Errorf("package %s is not in the list of who may import whom", pkg)
		}
		for _, path := range paths[1:] {
			if ours, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", pkg, ours)
			}
			if path == "C" && pkg != "plugin" {
				t.Errorf("%s imports C: only plugin may", pkg)
			}
		}
	}
}
