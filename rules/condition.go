package rules

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A condition holds if any value at its path satisfies the matcher.
type condition struct {
	path    string
	matcher matcher
	words   []string // of a condition without a modifier
	key     string   // the same for conditions that mean the same
}

const modifiers = "contains, startswith, endswith, re, cidr, exists, gt, gte, lt and lte"

// condition reads one entry of a when or unless.
func (r *reader) condition(e entry) condition {
	path, modifier, modified := strings.Cut(e.key, "|")
	r.path(path, e.at)
	c := condition{path: path, key: fold(path) + "|" + modifier}
	if modified && modifier == "" {
		r.fail(e.at, "no modifier after the |: there are %s", modifiers)
		return c
	}

	switch modifier {
	case "exists":
		c.matcher = exists(r.truth(e.value, e.key))
		c.key += "=" + strconv.FormatBool(bool(c.matcher.(exists)))
		return c
	case "gt", "gte", "lt", "lte":
		text, _ := scalar(e.value)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			r.fail(e.value, "%s must be a number, not %s", e.key, describe(e.value))
		}
		c.matcher = compared{n, bounds[modifier]}
		c.key += "=" + text
		return c
	}

	var words []string
	var expressions matches
	var nets networks
	for _, n := range r.list(e.value, e.key, true) {
		text, ok := r.text(n, "a value of "+e.key)
		if !ok {
			continue
		}
		c.key += "=" + strconv.Quote(text)
		switch modifier {
		case "re":
			re, err := regexp.Compile(text)
			if err != nil {
				r.fail(n, "%v", err)
			}
			expressions = append(expressions, re)
		case "cidr":
			if !nets.add(text) {
				r.fail(n, "%q is no network, no address and not the word private", text)
			}
		default:
			words = append(words, fold(text))
		}
	}

	switch modifier {
	case "":
		c.words, c.matcher = words, wordsMatcher(words)
	case "contains":
		c.matcher = contains(words)
	case "startswith":
		c.matcher = startsWith(words)
	case "endswith":
		c.matcher = endsWith(words)
	case "re":
		c.matcher = expressions
	case "cidr":
		nets.compact()
		c.matcher = &within{nets}
	default:
		r.fail(e.at, "unknown modifier %q: there are %s", modifier, modifiers)
	}
	return c
}

// path checks a path as a rule spells it.
func (r *reader) path(path string, at ast.Node) {
	for _, key := range strings.Split(path, ".") {
		if key == "" {
			r.fail(at, "%q is no path: it has an empty key", path)
			return
		}
	}
	if strings.Contains(path, "|") {
		r.fail(at, "%q is no path: a | belongs to a condition", path)
	}
}
