package conf

import (
	"fmt"
	"path/filepath"
	"strings"
)

// classic reads a file of the classic format by Fluent Bit's own rules, and
// stops where Fluent Bit does.
func (l *loader) classic(file, text string) {
	section := -1     // in l.Sections
	var indent string // that of the first key, and so of all
	n := 0
	for line := range strings.Lines(text) {
		n++
		at := Place{file, n}
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(line) > 9 && strings.EqualFold(line[:9], "@INCLUDE "):
			if !l.include(line[9:], at) {
				return
			}
			continue
		case line[0] == '@' && len(line) > 3:
			l.set(line[1:], at)
			continue
		case line[0] == '[':
			name, _, closed := strings.Cut(line[1:], "]")
			if !closed {
				l.mistake(at, "the name of the section has no ] behind it")
				return
			}
			l.Sections = append(l.Sections, Section{Kind: strings.ToLower(strings.TrimSpace(name)), Place: at})
			section = len(l.Sections) - 1
			continue
		}
		key := strings.TrimLeft(line, " \t")
		blanks := line[:len(line)-len(key)]
		if indent == "" {
			if blanks == "" {
				l.mistake(at, "%s", notClassic(line))
				return
			}
			indent = blanks
			if key == "" {
				continue
			}
		}
		if !strings.HasPrefix(blanks, indent) {
			l.mistake(at, "%s: the keys of a file are all indented as its first, with %s", unindented(key), blankNames(indent))
			return
		}
		if grouped := blanks == indent+indent; blanks != indent && !grouped {
			l.mistake(at, "the line is indented further than the first key of the file, which has %s", blankNames(indent))
			return
		}
		if key == "" || key[0] == '#' {
			continue
		}
		if key[0] == '[' { // a group, such as processors have; nothing of ours
			continue
		}
		name, value, found := strings.Cut(key, " ")
		value = strings.TrimSpace(value)
		switch {
		case !found && strings.Contains(key, "\t"):
			l.mistake(at, "want a blank between key and value, not a tab")
			return
		case !found || value == "":
			l.mistake(at, "%s has no value: leave the line out, or give it one", name)
			return
		case section < 0:
			l.mistake(at, "%s stands in no section", name)
			return
		}
		s := &l.Sections[section]
		s.Properties = append(s.Properties, Property{Key: name, Value: value, Place: at})
	}
}

// include reads what an @INCLUDE names, and reports whether there is something.
func (l *loader) include(pattern string, at Place) bool {
	pattern = strings.TrimSpace(pattern)
	path := pattern
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.dir, path)
	}
	before := len(l.Mistakes)
	switch files, _ := filepath.Glob(path); {
	case strings.Contains(pattern, "*") && len(files) == 0:
		l.mistake(at, "no file matches %s, and so Fluent Bit does not start", pattern)
	case strings.Contains(pattern, "*"):
		for _, file := range files {
			l.load(file, at, false)
		}
	case strings.Contains(pattern, "${"):
		l.mistake(at, "there is no file %s: Fluent Bit fills in no variables behind @INCLUDE", pattern)
	default:
		l.load(path, at, false)
	}
	return len(l.Mistakes) == before
}

// set takes the variable of an @SET.
func (l *loader) set(line string, at Place) {
	command, rest, _ := strings.Cut(line, " ")
	name, value, found := strings.Cut(rest, "=")
	if !strings.EqualFold(command, "SET") || !found {
		l.mistake(at, "want @SET NAME=VALUE or @INCLUDE FILE")
		return
	}
	l.vars[strings.TrimSpace(name)] = strings.TrimSpace(value)
}

func notClassic(line string) string {
	if name, _, found := strings.Cut(line, ":"); found && !strings.ContainsAny(name, " {\"<") {
		return "this is no line of the classic format: if the file is YAML, call it .yaml"
	}
	return "this is no line of the classic format: want [SECTION], an indented key with its value, @INCLUDE, @SET, or a # and a comment"
}

func unindented(key string) string {
	if key == "" {
		return "a line of too few blanks"
	}
	return "the line is not indented enough"
}

func blankNames(indent string) string {
	tabs := strings.Count(indent, "\t")
	switch {
	case tabs == 0:
		return plural(len(indent), "blank")
	case tabs == len(indent):
		return plural(tabs, "tab")
	}
	return plural(len(indent), "blanks and tab")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
