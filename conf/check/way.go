package check

import (
	"fmt"
	"regexp"
	"strings"

	"fluent-bit-misp/conf"
)

// way checks that alerts come to a section of the plugin, and from a filter to
// an output.
func (c *checker) way(s *conf.Section) {
	if s.Kind == "processor" { // it belongs to its input
		return
	}
	match, set := s.Get("match")
	if !set {
		match, set = s.Get("match_regex")
	}
	if !set {
		c.mistake(s.Place, "Match is not set: want the tag of the alerts, or * for all")
		return
	}
	tags := c.tags()
	var taken []string
	for _, tag := range tags {
		if matches(s, tag) {
			taken = append(taken, tag)
		}
	}
	if len(taken) == 0 && match.Unset == "" {
		c.mistake(match.Place, "%s %s takes no input: %s", match.Key, match.Value, tagList(tags))
		return
	}
	if s.Kind != "filter" {
		return
	}
	for _, output := range c.sections("output") {
		for _, tag := range taken {
			if matches(output, tag) {
				return
			}
		}
	}
	c.mistake(match.Place, "no output takes what comes out of this filter, which has %s", tagList(taken))
}

// tags returns the tags of the inputs.
func (c *checker) tags() []string {
	counts := map[string]int{}
	var tags []string
	for _, s := range c.sections("input") {
		name := strings.ToLower(s.Value("name"))
		tags = append(tags, tagOf(s, counts[name]))
		counts[name]++
	}
	return tags
}

// tagOf returns the tag of the records of an input, which is the n-th of its
// plugin.
func tagOf(s *conf.Section, n int) string {
	tag := s.Value("tag")
	if tag == "" {
		return fmt.Sprintf("%s.%d", strings.ToLower(s.Value("name")), n)
	}
	path := strings.ReplaceAll(strings.Trim(s.Value("path"), "/"), "/", ".")
	return strings.ReplaceAll(tag, "*", path)
}

// matches reports whether a filter or an output takes the records of a tag. An
// expression that cannot be read here is taken to match.
func matches(s *conf.Section, tag string) bool {
	if p, set := s.Get("match"); set {
		return glob(p.Value, tag)
	}
	p, set := s.Get("match_regex")
	if !set {
		return false
	}
	expression, err := regexp.Compile(p.Value)
	return err != nil || expression.MatchString(tag)
}

// glob reports whether a pattern, in which each * stands for anything, is
// that of a tag.
func glob(pattern, tag string) bool {
	before, after, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == tag
	}
	rest, ok := strings.CutPrefix(tag, before)
	for ; ok; rest = rest[1:] {
		if glob(after, rest) {
			return true
		}
		ok = rest != ""
		if !ok {
			break
		}
	}
	return false
}

func tagList(tags []string) string {
	switch len(tags) {
	case 0:
		return "there is none"
	case 1:
		return "the tag " + tags[0]
	}
	return "the tags " + strings.Join(tags, ", ")
}
