package conf

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// kinds are the lists of the pipeline and of the top, each with the kind of
// its elements.
var kinds = map[string]string{
	"inputs": "input", "filters": "filter", "outputs": "output",
	"parsers": "parser", "multiline_parsers": "multiline_parser",
	"customs": "custom", "stream_processor": "stream_task", "upstream_servers": "upstream",
}

// yaml reads a file of the YAML format.
func (l *loader) yaml(file, text string) {
	if line, ok := header(text); ok {
		l.mistake(Place{file, line}, "this is the classic format: call the file .conf")
		return
	}
	tree, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		at, message := Place{file, 1}, err.Error()
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			at.Line, message = syntax.Token.Position.Line, syntax.Message
		}
		// A tab cannot be seen in a message.
		l.mistake(at, "not YAML: %s", strings.ReplaceAll(message, "'\t'", "tab"))
		return
	}
	y := yamlReader{l, file}
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			y.top(doc.Body)
		}
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		l.mistake(Place{file, 1}, "the file is empty")
	}
}

// header returns the line of a [SECTION], if there is nothing but comments
// above it: YAML that is a configuration has none.
func header(text string) (line int, ok bool) {
	for s := range strings.Lines(text) {
		line++
		switch s = strings.TrimSpace(s); {
		case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
			return line, true
		case s != "" && s[0] != '#':
			return 0, false
		}
	}
	return 0, false
}

// A yamlReader reads one file.
type yamlReader struct {
	*loader
	file string
}

func (y yamlReader) top(n ast.Node) {
	for _, e := range y.entries(n, "the file") {
		switch name, _ := scalar(e.Key); name {
		case "env":
			for _, v := range y.entries(e.Value, "env") {
				key, _ := scalar(v.Key)
				y.vars[key], _ = scalar(v.Value)
			}
		case "includes":
			y.includes(e.Value)
		case "service":
			y.section("service", e.Key, e.Value)
		case "plugins":
			y.plugins(e)
		case "pipeline":
			y.pipeline(e.Value)
		default:
			kind, known := kinds[name]
			if !known || kind == "input" || kind == "filter" || kind == "output" {
				y.mistake(y.at(e.Key), "unknown key %q: a configuration has env, includes, service, plugins, parsers, multiline_parsers, customs, stream_processor, upstream_servers and pipeline", name)
				continue
			}
			y.list(kind, name, e.Value)
		}
	}
}

func (y yamlReader) pipeline(n ast.Node) {
	for _, e := range y.entries(n, "pipeline") {
		switch name, _ := scalar(e.Key); name {
		case "inputs", "filters", "outputs":
			y.list(kinds[name], name, e.Value)
		default:
			y.mistake(y.at(e.Key), "unknown key %q: pipeline has inputs, filters and outputs", name)
		}
	}
}

// list reads a list of sections.
func (y yamlReader) list(kind, name string, n ast.Node) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		y.mistake(y.at(n), "%s must be a list", name)
		return
	}
	for _, element := range s.Values {
		y.section(kind, element, element)
	}
}

// section reads one section, which begins at start.
func (y yamlReader) section(kind string, start, n ast.Node) {
	s := Section{Kind: kind, Place: y.at(start)}
	from := len(y.Sections)
	for _, e := range y.entries(n, kind) {
		name, _ := scalar(e.Key)
		if name == "processors" {
			y.processors(e.Value)
			continue
		}
		at := y.at(e.Key)
		switch v := e.Value.(type) {
		case *ast.SequenceNode:
			for _, element := range v.Values {
				if value, ok := scalar(element); ok {
					s.Properties = append(s.Properties, Property{Key: name, Value: value, Place: at})
				}
			}
		case *ast.NullNode: // as if it were not there
		case *ast.MappingNode, *ast.MappingValueNode:
			s.Properties = append(s.Properties, Property{Key: name, Place: at})
		default:
			if value, ok := scalar(e.Value); ok {
				s.Properties = append(s.Properties, Property{Key: name, Value: value, Place: at})
			}
		}
	}
	host := len(y.Sections)
	for i := from; i < host; i++ {
		y.Sections[i].Host = host
	}
	y.Sections = append(y.Sections, s)
}

// processors reads what stands in front of one input or output alone.
func (y yamlReader) processors(n ast.Node) {
	for _, e := range y.entries(n, "processors") {
		name, _ := scalar(e.Key)
		from := len(y.Sections)
		y.list("processor", name, e.Value)
		for i := range y.Sections[from:] {
			y.Sections[from+i].Signal = name
		}
	}
}

// plugins makes the list of files a section as the classic format has it.
func (y yamlReader) plugins(e *ast.MappingValueNode) {
	list, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		y.mistake(y.at(e.Value), "plugins must be a list")
		return
	}
	s := Section{Kind: "plugins", Place: y.at(e.Key)}
	for _, element := range list.Values {
		if path, ok := scalar(element); ok {
			s.Properties = append(s.Properties, Property{Key: "path", Value: path, Place: y.at(element)})
		}
	}
	y.Sections = append(y.Sections, s)
}

func (y yamlReader) includes(n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		y.mistake(y.at(n), "includes must be a list")
		return
	}
	for _, element := range list.Values {
		path, _ := scalar(element)
		full := path
		if !filepath.IsAbs(path) {
			full = filepath.Join(filepath.Dir(y.file), path)
		}
		files := []string{full}
		if strings.Contains(path, "*") {
			if files, _ = filepath.Glob(full); len(files) == 0 {
				y.mistake(y.at(element), "no file matches %s", path)
			}
		}
		for _, file := range files {
			y.load(file, y.at(element), true)
		}
	}
}

// entries returns the entries of a mapping; what names it in a mistake.
func (y yamlReader) entries(n ast.Node, what string) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	y.mistake(y.at(n), "%s must be a mapping of keys and values", what)
	return nil
}

func (y yamlReader) at(n ast.Node) Place {
	switch m := n.(type) {
	case nil:
		return Place{y.file, 1}
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return Place{y.file, t.Position.Line}
	}
	return Place{y.file, 1}
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
