package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A reader walks the YAML of one file and gathers what is wrong with it. It
// reads the tree itself, rather than decode into structs, so that one pass
// reports every mistake and each has its place.
type reader struct {
	name     string
	lines    []string
	mistakes Mistakes
}

// A place is where something stands in a file.
type place struct {
	*reader
	line, column int
}

// An entry is one "key: value" of a mapping.
type entry struct {
	key   string
	at    ast.Node // the key
	value ast.Node
}

// document returns the top of the file; nil if it is empty or no YAML.
func (r *reader) document(src []byte) ast.Node {
	// YAML ends a line with either of them or with both.
	r.lines = strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(src)), "\n")
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		r.syntax(err)
		return nil
	}
	var top ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case top != nil:
			r.fail(doc.Body, "a second YAML document: a rule file holds one")
		default:
			top = doc.Body
		}
	}
	return top
}

func (r *reader) syntax(err error) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		r.failAt(place{r, 1, 1}, "not YAML: %v", err)
		return
	}
	p := syntax.Token.Position
	// A tab cannot be seen in a message.
	r.failAt(place{r, p.Line, p.Column}, "%s", strings.ReplaceAll(syntax.Message, "'\t'", "tab"))
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	r.failAt(r.place(n), format, args...)
}

func (r *reader) failAt(p place, format string, args ...any) {
	r.mistakes = append(r.mistakes, p.mistake(format, args...))
}

func (p place) mistake(format string, args ...any) Mistake {
	line, column := min(max(p.line, 1), len(p.lines)), max(p.column, 1)
	return Mistake{p.name, line, column, p.lines[line-1], fmt.Sprintf(format, args...)}
}

func (r *reader) place(n ast.Node) place {
	// The token of a block mapping is its first colon; its place is its first key.
	var t *token.Token
	switch n := n.(type) {
	case nil:
	case *ast.MappingNode:
		t = n.Start
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.place(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return r.place(n.Key)
	default:
		t = n.GetToken()
	}
	if t == nil || t.Position == nil {
		return place{r, 1, 1}
	}
	return place{r, t.Position.Line, t.Position.Column}
}

// mapping returns the entries of a mapping; what names it in a mistake.
func (r *reader) mapping(n ast.Node, what string) []entry {
	values, ok := pairs(n)
	if !ok {
		r.fail(n, "%s must be a mapping, not %s", what, describe(n))
		return nil
	}
	entries := make([]entry, 0, len(values))
	for _, v := range values {
		if key, ok := scalar(v.Key); ok {
			entries = append(entries, entry{key, v.Key, v.Value})
			continue
		}
		r.fail(v.Key, "a key must be plain text, not %s", describe(v.Key))
	}
	return entries
}

// pairs returns what a mapping has, and whether n is one.
func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// list returns the elements of a list, or n alone if it is a scalar and single
// is allowed.
func (r *reader) list(n ast.Node, what string, single bool) []ast.Node {
	if s, ok := n.(*ast.SequenceNode); ok {
		if len(s.Values) == 0 {
			r.fail(n, "%s is empty", what)
		}
		return s.Values
	}
	if _, ok := scalar(n); ok && single {
		return []ast.Node{n}
	}
	if single {
		what += " must be text or"
	} else {
		what += " must be"
	}
	r.fail(n, "%s a list, not %s", what, describe(n))
	return nil
}

// text returns the text of a scalar as it is written, without its quotes.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	s, ok := scalar(n)
	switch {
	case !ok:
		r.fail(n, "%s must be text, not %s", what, describe(n))
	case s == "":
		r.fail(n, "%s is empty", what)
	}
	return s, ok && s != ""
}

// truth returns the value of a boolean.
func (r *reader) truth(n ast.Node, what string) bool {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		r.fail(n, "%s must be true or false, not %s", what, describe(n))
		return false
	}
	return b.Value
}

func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return "empty"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	default:
		if s, ok := scalar(n); ok {
			return fmt.Sprintf("%q", s)
		}
		return n.Type().String()
	}
}
