package conf

import "strings"

// fill fills in the variables. Fluent Bit does so after it has read all files:
// a variable may be set below where it is used. It fills in none for plugins.
func (l *loader) fill() {
	for s := range l.Sections {
		if l.Sections[s].Kind == "plugins" {
			continue
		}
		for i := range l.Sections[s].Properties {
			p := &l.Sections[s].Properties[i]
			p.Value, p.Unset = l.translate(p.Value)
		}
	}
}

// translate fills in ${NAME} and ${NAME:-WORD}. Unset is the first variable
// that is not set and has no word; Fluent Bit takes it for empty.
func (l *loader) translate(s string) (value, unset string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			b.WriteString(s)
			return b.String(), unset
		}
		b.WriteString(before)
		name, word, hasWord := strings.Cut(name, ":-")
		value, set := l.lookup(name)
		switch {
		case hasWord && value == "":
			b.WriteString(word)
		case !set && unset == "":
			unset = name
		}
		b.WriteString(value)
		s = after
	}
}

func (l *loader) lookup(name string) (string, bool) {
	if value, set := l.vars[name]; set {
		return value, true
	}
	return l.env(name)
}
