package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fluent-bit-misp/conf"
)

// The tags here are patterns: a * stands for what is known only when Fluent Bit
// runs.

// tags returns the tags that come to the filters and outputs.
func (c *checker) tags() []string {
	counts := map[string]int{}
	var tags []string
	for _, s := range c.sections("input") {
		name := strings.ToLower(s.Value("name"))
		tags = append(tags, tagOf(s, counts[name]))
		counts[name]++
	}
	return c.onward(tags)
}

// onward returns the tags, and those that filters and streams give to records of
// them.
func (c *checker) onward(tags []string) []string {
	if c.serviceValue("streams_file") != "" || len(c.sections("stream_task")) > 0 {
		tags = append(tags, "*")
	}
	for i := 0; i < len(tags); i++ {
		for _, f := range c.sections("filter") {
			if !strings.EqualFold(f.Value("name"), "rewrite_tag") || !matches(f, tags[i]) {
				continue
			}
			for _, p := range f.Properties {
				if tag := rewritten(p.Value); strings.EqualFold(p.Key, "rule") && !slices.Contains(tags, tag) {
					tags = append(tags, tag)
				}
			}
		}
	}
	return tags
}

// rewritten returns the tag that a rule of rewrite_tag gives: of key, expression,
// tag and whether to keep the record.
func rewritten(rule string) string {
	parts := strings.Fields(rule)
	if len(parts) != 4 || strings.ContainsAny(rule, `"'`) {
		return "*"
	}
	return upTo("$", parts[2])
}

// tagOf returns the tag of the records of an input, which is the n-th of its
// plugin.
func tagOf(s *conf.Section, n int) string {
	name := strings.ToLower(s.Value("name"))
	p, set := s.Get("tag")
	has := func(key string) bool { return s.Value(key) != "" }
	switch {
	case p.Unset != "",
		name == "http", // the path of the URL goes before Tag
		name == "opentelemetry" && !isOff(s.Value("tag_from_uri")), // and here up to 3.2
		(name == "splunk" || name == "elasticsearch") && (!set || has("tag_key")):
		return "*"
	case name == "forward" && (!set || has("tag_prefix")):
		return s.Value("tag_prefix") + "*"
	case !set:
		return fmt.Sprintf("%s.%d", name, n)
	case name == "tail" && has("tag_regex"):
		return upTo("<", p.Value)
	}
	if path, _ := s.Get("path"); name == "tail" && path.Unset == "" && !strings.ContainsAny(path.Value, "*?[,") {
		return strings.ReplaceAll(p.Value, "*", strings.ReplaceAll(strings.Trim(path.Value, "/"), "/", "."))
	}
	return p.Value
}

// upTo returns the pattern of a tag that is known up to a mark.
func upTo(mark, tag string) string {
	before, _, found := strings.Cut(tag, mark)
	if !found {
		return tag
	}
	return before + "*"
}

// matches reports whether a filter or an output takes records of a tag, or may.
// An expression that cannot be read here is taken to match.
func matches(s *conf.Section, tag string) bool {
	if p, set := s.Get("match"); set {
		return overlap(p.Value, tag)
	}
	p, set := s.Get("match_regex")
	if !set {
		return false
	}
	expression, err := regexp.Compile(p.Value)
	return err != nil || strings.Contains(tag, "*") || expression.MatchString(tag)
}

// overlap reports whether there is a text that both patterns stand for, in which
// each * is anything.
func overlap(a, b string) bool {
	for a != "" && b != "" && a[0] != '*' && b[0] != '*' {
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
	switch {
	case a == "" || b == "":
		return strings.Trim(a+b, "*") == ""
	case a[0] != '*':
		a, b = b, a
	}
	// The * of a stands for nothing, or for what b begins with and more.
	return overlap(a[1:], b) || overlap(a, b[1:])
}
