package gen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func alerts(g *Generator, n int) []Alert {
	all := make([]Alert, n)
	for i := range all {
		all[i] = g.Next()
	}
	return all
}

func TestAlertsAreLinesOfJSON(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range alerts(New(1), 5000) {
		var r struct {
			Timestamp, ID string
			Rule          struct{ Level int }
		}
		if err := json.Unmarshal(a.Line, &r); err != nil {
			t.Fatalf("%s: %v in %s", a.Name, err, a.Line)
		}
		if bytes.ContainsRune(a.Line, '\n') || bytes.Contains(a.Line, []byte("${")) {
			t.Errorf("%s: not a filled line: %s", a.Name, a.Line)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000-0700", r.Timestamp); err != nil || r.Rule.Level == 0 {
			t.Errorf("%s: timestamp %q, level %d", a.Name, r.Timestamp, r.Rule.Level)
		}
		if r.ID != a.ID || seen[r.ID] {
			t.Errorf("%s: id %q, said to be %q, seen before: %v", a.Name, r.ID, a.ID, seen[r.ID])
		}
		seen[r.ID] = true
		seen[a.Name] = true
	}
	for _, template := range templates {
		if !seen[template.name] {
			t.Errorf("no alert of %s in 5000", template.name)
		}
	}
}

// Each rule counts how often it has fired, as Wazuh does: that differs from alert to
// alert, and soon needs more than a byte.
func TestRulesCountHowOftenTheyFire(t *testing.T) {
	fired := map[string]int{}
	for _, a := range alerts(New(1), 5000) {
		fired[a.Name]++
		if want := fmt.Sprintf(`"firedtimes":%d,`, fired[a.Name]); !bytes.Contains(a.Line, []byte(want)) {
			t.Fatalf("%s: want %s in %s", a.Name, want, a.Line)
		}
	}
}

func TestSizesAreThoseOfRealAlerts(t *testing.T) {
	var sizes []int
	for _, a := range alerts(New(2), 5000) {
		sizes = append(sizes, len(a.Line))
	}
	slices.Sort(sizes)
	if min, median, max := sizes[0], sizes[len(sizes)/2], sizes[len(sizes)-1]; min < 500 || median < 1200 || median > 1400 || max < 3000 || max > 4100 {
		t.Errorf("sizes from %d over %d to %d bytes, want 500, 1300 and 4000", min, median, max)
	}
}

func TestSeedDecides(t *testing.T) {
	lines := func(seed uint64) string {
		var all []string
		for _, a := range alerts(New(seed), 200) {
			all = append(all, string(a.Line))
		}
		return strings.Join(all, "\n")
	}
	if lines(3) != lines(3) {
		t.Error("the same seed gave other alerts")
	}
	if lines(3) == lines(4) {
		t.Error("another seed gave the same alerts")
	}
}

func TestListedIndicators(t *testing.T) {
	g := New(5)
	g.Share = 0.05
	g.Listed = map[string][]string{
		"ip":     {"203.0.113.66"},
		"domain": {"evil.example"},
		"url":    {"http://evil.example/payload.bin"},
		"sha256": {strings.Repeat("ab", 32)},
	}
	carrying, kinds := 0, map[string]bool{}
	for _, a := range alerts(g, 10000) {
		if a.Kind == "" {
			if bytes.Contains(a.Line, []byte("evil.example")) || bytes.Contains(a.Line, []byte("203.0.113.66")) {
				t.Fatalf("%s carries an indicator and does not say so: %s", a.Name, a.Line)
			}
			continue
		}
		carrying++
		kinds[a.Kind] = true
		needle := a.Value
		if a.Kind == "url" {
			needle = "/payload.bin"
		}
		if !bytes.Contains(bytes.ToLower(a.Line), []byte(needle)) {
			t.Errorf("%s: no %s in %s", a.Name, a.Value, a.Line)
		}
	}
	if carrying < 450 || carrying > 550 || len(kinds) != 4 {
		t.Errorf("%d alerts of 10000 carry indicators of the kinds %v, want about 500 of 4 kinds", carrying, kinds)
	}
}

func TestPool(t *testing.T) {
	distinct := func(pool int) int {
		g := New(6)
		g.Pool = pool
		values := map[string]bool{}
		for _, a := range alerts(g, 3000) {
			var r struct{ Data struct{ SrcIP string } }
			if err := json.Unmarshal(a.Line, &r); err != nil {
				t.Fatal(err)
			}
			if r.Data.SrcIP != "" {
				values[r.Data.SrcIP] = true
			}
		}
		return len(values)
	}
	if n := distinct(50); n > 50 || n < 40 {
		t.Errorf("%d different addresses from a pool of 50", n)
	}
	if n := distinct(0); n < 600 {
		t.Errorf("%d different addresses, want each a new one", n)
	}
}

func TestValuesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for n := range 100000 {
		for _, v := range []string{address(n), domain(n)} {
			if seen[v] {
				t.Fatalf("%s comes twice, again at %d", v, n)
			}
			seen[v] = true
		}
	}
}
