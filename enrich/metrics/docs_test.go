package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentation compares the table in docs/metrics.md with the code, both
// ways.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string][]string{} // the cells behind the name
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if name := strings.Trim(cells[0], "| `"); strings.HasPrefix(name, prefix) {
			if written[name] != nil {
				t.Errorf("%s has two lines", name)
			}
			written[name] = cells[1:]
		}
	}
	for _, m := range All() {
		cells := written[m.Name]
		delete(written, m.Name)
		if len(cells) != 5 {
			t.Errorf("%s is not documented, or has %d cells", m.Name, len(cells))
			continue
		}
		if cells[0] != m.Type {
			t.Errorf("%s is a %s, documented as %s", m.Name, m.Type, cells[0])
		}
		if got := regexp.MustCompile(`\w+`).FindAllString(cells[1], -1); !slices.Equal(got, m.Labels) {
			t.Errorf("%s has the labels %q, documented are %q", m.Name, m.Labels, got)
		}
	}
	for name := range written {
		t.Errorf("there is no metric %s", name)
	}
	for _, code := range []string{mispAway, queueDropping, storageInMemory, storageUnreadable, targetAway} {
		if !strings.Contains(string(page), "| `"+code+"` |") {
			t.Errorf("the code %s is not documented", code)
		}
	}
}

// TestNames holds the metrics to Prometheus' conventions.
func TestNames(t *testing.T) {
	for _, m := range All() {
		if total := strings.HasSuffix(m.Name, "_total"); total != (m.Type == "counter") {
			t.Errorf("%s is a %s", m.Name, m.Type)
		}
		if !regexp.MustCompile(`^fluentbit_misp_[a-z]+(_[a-z]+)*$`).MatchString(m.Name) || !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s: %s", m.Name, m.Help)
		}
	}
}
