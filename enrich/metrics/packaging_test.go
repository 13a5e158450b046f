package metrics

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"
)

// A rule is one of Prometheus' alerting rules.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func TestAlertRules(t *testing.T) {
	src, err := os.ReadFile("../../packaging/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(src, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			if !regexp.MustCompile(`^FluentBitMISP[A-Z][A-Za-z]+$`).MatchString(r.Alert) || seen[r.Alert] {
				t.Errorf("%q is no name, or there twice", r.Alert)
			}
			seen[r.Alert] = true
			check(t, r.Alert, r.Expr)
			if r.For != "" && !regexp.MustCompile(`^([1-9]\d*[smhd])+$`).MatchString(r.For) {
				t.Errorf("%s: for %q", r.Alert, r.For)
			}
			if severity := r.Labels["severity"]; !slices.Contains([]string{"info", "warning", "critical"}, severity) || len(r.Labels) != 1 {
				t.Errorf("%s: labels %v", r.Alert, r.Labels)
			}
			if len(r.Annotations) != 2 {
				t.Errorf("%s: annotations %v", r.Alert, r.Annotations)
			}
			for _, name := range []string{"summary", "description"} {
				checkTemplate(t, r, r.Annotations[name])
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d rules", len(seen))
	}
}

// checkTemplate checks an annotation: that Prometheus can read it, and that the
// labels in it are there when the alert fires.
func checkTemplate(t *testing.T, r rule, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s: an annotation is missing", r.Alert)
	}
	functions := template.FuncMap{}
	for _, name := range []string{"humanize", "humanizeDuration", "humanizePercentage"} {
		functions[name] = func(v float64) string { return "1" }
	}
	parsed, err := template.New(r.Alert).Funcs(functions).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
	if err != nil {
		t.Error(err)
		return
	}
	labels := map[string]string{}
	s := readExpr(r.Expr)
	by := grouping.FindStringSubmatch(r.Expr)
	aggregated := by != nil && strings.HasPrefix(by[0], "by")
	for _, m := range all {
		if !aggregated && slices.ContainsFunc(s.metrics[:1], func(name string) bool { return name == m.Name }) {
			for _, label := range append([]string{"job", "instance"}, m.Labels...) {
				labels[label] = "x"
			}
		}
	}
	if aggregated {
		for _, label := range strings.Split(by[1], ", ") {
			labels[label] = "x"
		}
	}
	data := map[string]any{"Labels": labels, "Value": 0.5}
	if err := parsed.Option("missingkey=error").Execute(io.Discard, data); err != nil {
		t.Error(err)
	}
}

// A dashboard is what a test looks at in one of Grafana's.
type dashboard struct {
	UID           string  `json:"uid"`
	Title         string  `json:"title"`
	ID            *int    `json:"id"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type variable struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Definition string `json:"definition"`
	Query      any    `json:"query"`
}

type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	GridPos     struct{ X, Y, W, H int }
	Datasource  source   `json:"datasource"`
	Targets     []target `json:"targets"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type target struct {
	Datasource source `json:"datasource"`
	Expr       string `json:"expr"`
}

func TestDashboards(t *testing.T) {
	for file, kind := range map[string]string{"health.json": "prometheus", "hits.json": "grafana-opensearch-datasource"} {
		src, err := os.ReadFile("../../packaging/grafana/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(src, &d); err != nil {
			t.Fatal(file, err)
		}
		if d.ID != nil || d.UID == "" || d.Title == "" || d.SchemaVersion < 39 {
			t.Errorf("%s: id %v, uid %q, title %q, schemaVersion %d", file, d.ID, d.UID, d.Title, d.SchemaVersion)
		}
		if v := d.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || v.Query != kind {
			t.Errorf("%s: the first variable is not the data source: %+v", file, v)
		}
		// A data source of somebody's installation has a uid of its own.
		for _, uid := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllStringSubmatch(string(src), -1) {
			if uid[1] != "${datasource}" && uid[1] != d.UID {
				t.Errorf("%s: uid %s", file, uid[1])
			}
		}
		checkPanels(t, file, kind, d.Panels)
		for _, v := range d.Templating.List {
			if metric, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
				metric, label, _ := strings.Cut(strings.TrimSuffix(metric, ")"), ", "+v.Name)
				if label != "" {
					t.Errorf("%s: variable %s: %s", file, v.Name, v.Definition)
				}
				check(t, file+": variable "+v.Name, metric)
			}
		}
	}
}

func checkPanels(t *testing.T, file, kind string, panels []panel) {
	t.Helper()
	ids := map[int]bool{}
	for i, p := range panels {
		where := file + ": " + p.Title
		if ids[p.ID] || p.Title == "" || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: id %d, place %+v", where, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for _, other := range panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("%s lies over %s", where, other.Title)
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 || p.Datasource.Type != kind {
			t.Errorf("%s: %d targets of %+v", where, len(p.Targets), p.Datasource)
		}
		for _, target := range p.Targets {
			if target.Datasource.Type != kind {
				t.Errorf("%s: data source %+v", where, target.Datasource)
			}
			if kind == "prometheus" {
				check(t, where, target.Expr)
			}
		}
	}
}

// TestHealthShowsEverything holds the dashboard to the metrics.
func TestHealthShowsEverything(t *testing.T) {
	src, err := os.ReadFile("../../packaging/grafana/health.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range All() {
		if !strings.Contains(string(src), m.Name) {
			t.Errorf("no panel shows %s", m.Name)
		}
	}
}
