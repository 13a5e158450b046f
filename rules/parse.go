package rules

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"fluent-bit-misp/misp/ioc"
)

// Parse reads a rule file; name is how mistakes call it. The error is
// [Mistakes], and lists all of them.
func Parse(name string, src []byte) (*File, error) {
	r := &reader{name: name}
	f := &File{}
	top := r.document(src)
	if top != nil {
		r.file(top, f)
	}
	switch {
	case len(r.mistakes) == 0 && top != nil:
		return f, nil
	case len(r.mistakes) == 0:
		return nil, r.nothingOfIt("the file is empty")
	case !r.isRuleFile(top):
		return nil, r.nothingOfIt("it is no rule file: want version and rules, see docs/rules.md")
	}
	slices.SortStableFunc(r.mistakes, byPlace)
	return nil, r.mistakes
}

// nothingOfIt is what is wrong with a file as a whole. It may be one with a secret,
// named by mistake, so nothing of its text is told.
func (r *reader) nothingOfIt(message string) Mistakes {
	return Mistakes{{File: r.name, Line: 1, Column: 1, Message: message}}
}

// topKeys are those of a rule file.
var topKeys = []string{"version", "ignore", "derive", "rules"}

var beginsWithKey = regexp.MustCompile("^(" + strings.Join(topKeys, "|") + ") *:").MatchString

// isRuleFile reports whether a file with mistakes is meant as a rule file: it has one
// of the keys at its top, or, if it is no YAML, at the beginning of a line.
func (r *reader) isRuleFile(top ast.Node) bool {
	if top == nil {
		return slices.ContainsFunc(r.lines, beginsWithKey)
	}
	values, _ := pairs(top)
	return slices.ContainsFunc(values, func(v *ast.MappingValueNode) bool {
		key, _ := scalar(v.Key)
		return slices.Contains(topKeys, key)
	})
}

func (r *reader) file(top ast.Node, f *File) {
	version := false
	for _, e := range r.mapping(top, "a rule file") {
		switch e.key {
		case "version":
			version = true
			if v, ok := scalar(e.value); !ok || v != "1" {
				r.fail(e.value, "version must be 1, not %s", describe(e.value))
			}
		case "ignore":
			r.ignore(e.value, &f.ignore)
		case "derive":
			r.derive(e.value, &f.derive)
		case "rules":
			r.rules(e.value, f)
		default:
			r.unknown(e, "a rule file", "version, ignore, derive and rules")
		}
	}
	if !version && len(r.mistakes) == 0 {
		r.fail(top, "version is missing: this is version 1")
	}
}

func (r *reader) unknown(e entry, of, keys string) {
	r.fail(e.at, "unknown key %q: %s has %s", e.key, of, keys)
}

func (r *reader) derive(n ast.Node, d *derive) {
	for _, e := range r.mapping(n, "derive") {
		switch e.key {
		case "hosts":
			d.noHosts = !r.truth(e.value, e.key)
		case "parents":
			d.noParents = !r.truth(e.value, e.key)
		default:
			r.unknown(e, "derive", "hosts and parents")
		}
	}
}

func (r *reader) rules(n ast.Node, f *File) {
	lines := map[string]int{}
	for _, n := range r.list(n, "rules", false) {
		rule := r.rule(n)
		line, taken := lines[rule.name]
		if taken && rule.name != "" {
			r.failAt(rule.at, "a second rule named %q: the first is in line %d", rule.name, line)
		}
		if !taken {
			lines[rule.name] = rule.at.line
		}
		f.rules = append(f.rules, rule)
	}
}

func (r *reader) rule(n ast.Node) rule {
	rule := rule{at: r.place(n)}
	entries := r.mapping(n, "a rule")
	bare := true // nothing but a name and enabled
	for _, e := range entries {
		bare = bare && (e.key == "name" || e.key == "enabled")
		switch e.key {
		case "name":
			rule.name, _ = r.text(e.value, "name")
			rule.at = r.place(e.value)
		case "enabled":
			rule.enabled, rule.set = r.enabled(e.value), true
		case "when":
			rule.when = r.clauses(e.value, "when")
		case "unless":
			rule.unless = r.clauses(e.value, "unless")
		case "lookup":
			for _, n := range r.list(e.value, "lookup", false) {
				rule.lookups = append(rule.lookups, r.lookup(n))
			}
		default:
			r.unknown(e, "a rule", "name, enabled, when, unless and lookup")
		}
	}
	switch {
	case len(entries) == 0:
	case !has(entries, "name"):
		r.fail(n, "the rule has no name")
	case !has(entries, "lookup") && !(bare && rule.set):
		r.fail(n, "the rule has no lookup")
	}
	return rule
}

func (r *reader) enabled(n ast.Node) enabled {
	if s, _ := scalar(n); s == "text" {
		return withText
	}
	if b, ok := n.(*ast.BoolNode); ok {
		if b.Value {
			return always
		}
		return never
	}
	r.fail(n, "enabled must be true, false or text, not %s", describe(n))
	return never
}

// clauses reads a when or an unless: one mapping, or a list of them.
func (r *reader) clauses(n ast.Node, what string) []clause {
	nodes := []ast.Node{n}
	if _, ok := n.(*ast.SequenceNode); ok {
		nodes = r.list(n, what, false)
	}
	var clauses []clause
	for _, n := range nodes {
		var c clause
		for _, e := range r.mapping(n, what) {
			c = append(c, r.condition(e))
		}
		if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 0 {
			r.fail(n, "%s is empty", what)
		}
		clauses = append(clauses, c)
	}
	return clauses
}

func (r *reader) lookup(n ast.Node) lookup {
	l := lookup{scheme: "http"}
	var typed, joined bool
	entries := r.mapping(n, "a look-up")
	for _, e := range entries {
		switch e.key {
		case "field":
			l.fields = append(l.fields, r.fieldPath(e.value, e.key))
		case "fields":
			for _, n := range r.list(e.value, e.key, false) {
				l.fields = append(l.fields, r.fieldPath(n, e.key))
			}
		case "type":
			typed = true
			r.kind(e.value, &l)
		case "host":
			joined = true
			l.host = r.fieldPath(e.value, e.key)
		case "port":
			joined = true
			l.port = r.fieldPath(e.value, e.key)
		case "scheme":
			joined = true
			l.scheme, _ = r.text(e.value, e.key)
			if l.scheme != "http" && l.scheme != "https" {
				r.fail(e.value, "scheme must be http or https, not %s", describe(e.value))
			}
		default:
			r.unknown(e, "a look-up", "field, fields, type, host, port and scheme")
		}
	}
	switch {
	case len(entries) == 0:
	case !typed:
		r.fail(n, "the look-up has no type")
	case !has(entries, "field") && !has(entries, "fields"):
		r.fail(n, "the look-up has no field")
	case joined && l.host == "":
		r.fail(n, "port and scheme belong to a url that is joined with a host")
	case joined && l.kind != ioc.URL:
		r.fail(n, "host belongs to a look-up of type url")
	}
	return l
}

func (r *reader) fieldPath(n ast.Node, what string) string {
	path, ok := r.text(n, what)
	if ok {
		r.path(path, n)
	}
	return path
}

func has(entries []entry, key string) bool {
	return slices.ContainsFunc(entries, func(e entry) bool { return e.key == key })
}

// kind reads the type of a look-up: a shape or a kind of indicator.
func (r *reader) kind(n ast.Node, l *lookup) {
	name, ok := r.text(n, "type")
	if !ok {
		return
	}
	for s, known := range shapes {
		if known.name == name {
			l.shape = shape(s)
			return
		}
	}
	kind, err := ioc.ParseKind(name)
	if err != nil {
		var names []string
		for _, k := range ioc.Kinds() {
			names = append(names, k.String())
		}
		for _, s := range shapes[hash:] {
			names = append(names, s.name)
		}
		r.fail(n, "unknown type %q: there are %s", name, strings.Join(names, ", "))
	}
	l.shape, l.kind = plain, kind
	if kind == ioc.URL {
		l.shape = joinedURL
	}
}

func byPlace(a, b Mistake) int {
	if a.Line != b.Line {
		return a.Line - b.Line
	}
	return a.Column - b.Column
}
