package enrich

import (
	"os"
	"regexp"
	"testing"
)

// TestDashboardOfHits checks that the dashboard asks only for fields that a
// record can have.
func TestDashboardOfHits(t *testing.T) {
	src, err := os.ReadFile("../packaging/grafana/hits.json")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bmisp_(\w+)`).FindAllSubmatch(src, -1) {
		fields[string(m[1])] = true
	}
	for name := range fields {
		if !isField(name) {
			t.Errorf("no record has a field misp_%s", name)
		}
	}
	if len(fields) < 10 || !fields["event_url"] {
		t.Errorf("it shows %d fields, and no link into MISP", len(fields))
	}
}
