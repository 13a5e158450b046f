package metrics

import (
	"regexp"
	"slices"
	"strings"
	"testing"
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
