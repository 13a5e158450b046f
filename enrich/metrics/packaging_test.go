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

// A selection is what an expression asks of one metric, or of all.
type selection struct {
	metrics []string // names as the code has them
	labels  []string
}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	matchers = regexp.MustCompile(`\{[^{}]*\}`)
	matcher  = regexp.MustCompile(`([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)`)
	values   = regexp.MustCompile(`\[[^\[\]]*\]|\$\w+|\b\d[\w.]*`) // ranges, variables, numbers
	words    = regexp.MustCompile(`[a-zA-Z_:][\w:]*\s*\(?`)
	suffixes = regexp.MustCompile(`_(?:bucket|sum|count)$`)
)

// readExpr returns what an expression of PromQL selects. It takes every word for a
// metric that is no function, no keyword, and no label: rather one too many.
func readExpr(expr string) (s selection) {
	expr = quoted.ReplaceAllString(expr, "Q")
	for _, braces := range matchers.FindAllString(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(braces, -1) {
			s.labels = append(s.labels, m[1])
		}
	}
	expr = matchers.ReplaceAllString(expr, " ")
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		s.labels = append(s.labels, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	expr = values.ReplaceAllString(grouping.ReplaceAllString(expr, " "), " ")
	for _, word := range words.FindAllString(expr, -1) {
		if strings.HasSuffix(word, "(") || slices.Contains([]string{"Q", "and", "or", "unless", "bool", "offset"}, strings.TrimSpace(word)) {
			continue
		}
		s.metrics = append(s.metrics, strings.TrimSpace(word))
	}
	return s
}

func TestReadExpr(t *testing.T) {
	tests := []struct{ expr, metrics, labels string }{
		{`up`, "up", ""},
		{`sum by (job, le) (rate(a_bucket{x="by (y)", z=~"b|{c}"}[5m])) > 0.5`, "a_bucket", "x z job le"},
		{`sum(rate(a_total[$__rate_interval])) / sum without(x) (b_total offset 5m) or vector(1)`, "a_total b_total", "x"},
		{`a > 3600 unless on (job, instance) b == 1 and c != bool 2e3`, "a b c", "job instance"},
		{`histogram_quantile(0.95, sum by(le)(rate(a_bucket{s=~"$s"}[$__range])))`, "a_bucket", "s le"},
		{`label_values(a{job="x"}, instance)`, "a instance", "job"},
		{`topk(10, a) * on () group_left (version) b`, "a b", "version"},
	}
	for _, tt := range tests {
		s := readExpr(tt.expr)
		if got := strings.Join(s.metrics, " "); got != tt.metrics {
			t.Errorf("%s: metrics %q, want %q", tt.expr, got, tt.metrics)
		}
		if got := strings.Join(s.labels, " "); got != tt.labels {
			t.Errorf("%s: labels %q, want %q", tt.expr, got, tt.labels)
		}
	}
}

// check checks that an expression asks only for what there is.
func check(t *testing.T, where, expr string) {
	t.Helper()
	s := readExpr(expr)
	labels := []string{"job", "instance", "le"} // Prometheus' own
	for _, name := range s.metrics {
		i := slices.IndexFunc(all, func(m *Metric) bool {
			return m.Name == name && m.Type != "histogram" || m.Type == "histogram" && m.Name == suffixes.ReplaceAllString(name, "") && m.Name != name
		})
		if i < 0 {
			t.Errorf("%s: there is no metric %s in %s", where, name, expr)
			continue
		}
		labels = append(labels, all[i].Labels...)
	}
	if len(s.metrics) == 0 {
		t.Errorf("%s: no metric is in %s", where, expr)
	}
	for _, label := range s.labels {
		if !slices.Contains(labels, label) {
			t.Errorf("%s: no metric of %s has a label %s", where, expr, label)
		}
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
			t.Errorf("%s: unbalanced %s in %s", where, pair, expr)
		}
	}
}

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
