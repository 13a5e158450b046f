//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fluent-bit-misp/conf/check"
	"fluent-bit-misp/test/fluentbit"
)

// Fluent Bit and mispctl check take the examples as they are, and with each of
// the parts that are off in them.
func TestExamples(t *testing.T) {
	t.Parallel()
	path, _ := binary(t)
	version, _, _ := fluentbit.Version(path)
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	help, err := exec.Command(path, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, plugins, found := strings.Cut(string(help), "Filters") // and outputs; an input may have the same name
	if !found {
		t.Fatalf("no filters:\n%s", help)
	}
	for _, yaml := range []bool{false, true} {
		if yaml && (major < 3 || major == 3 && minor < 2) {
			t.Logf("Fluent Bit %s has no parsers and plugins in YAML", version)
			continue
		}
		for _, parts := range [][]string{nil, {"opensearch"}, {"modify", "gelf"}, {"kafka"}, {"misp"}} {
			t.Run(fmt.Sprintf("yaml=%v %s", yaml, strings.Join(parts, "+")), func(t *testing.T) {
				site := newSite(t, "https://misp.example.com")
				site.YAML, site.Parts = yaml, parts
				if err := site.Install(); err != nil {
					t.Fatal(err)
				}
				etc := filepath.Dir(site.Config())
				for _, file := range []string{etc + "/forward.key", site.AlertsDir() + "/alerts.json"} {
					if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				env := func(string) (string, bool) { return "x", true }
				for _, m := range check.File(site.Config(), check.Options{Env: env}) {
					t.Errorf("mispctl check: %s", m)
				}
				for _, part := range parts {
					if part != "misp" && !strings.Contains(plugins, "  "+part+" ") {
						t.Logf("this Fluent Bit has no %s", part)
						return
					}
				}
				if out, err := exec.Command(path, "--dry-run", "-c", site.Config()).CombinedOutput(); err != nil || !strings.Contains(string(out), "configuration test is successful") {
					t.Errorf("--dry-run: %v\n%s", err, out)
				}
			})
		}
	}
}
