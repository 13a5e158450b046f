package check

import (
	"strings"

	"fluent-bit-misp/conf"
)

// way checks that alerts come to a section of the plugin, and from a filter to
// an output.
func (c *checker) way(s *conf.Section) {
	if s.Kind == "processor" {
		c.processor(s)
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
	onward := c.onward(taken)
	for _, output := range c.sections("output") {
		for _, tag := range onward {
			if matches(output, tag) {
				return
			}
		}
	}
	c.mistake(match.Place, "no output takes what comes out of this filter, which has %s", tagList(taken))
}

// processor checks where a processor is: it gets all that comes there.
func (c *checker) processor(s *conf.Section) {
	if s.Signal != "logs" {
		c.mistake(s.Place, "as a processor of %s, Fluent Bit does not know misp and does not start: want it below logs", s.Signal)
	}
	if c.config.Sections[s.Host].Kind == "output" {
		c.unwise(s.Place, "as a processor of an output, it looks up anew at each attempt to send a chunk: late hits can be lost, "+
			"and what MISP could not be asked about waits once for each; have it as a filter, or as a processor of the input")
	}
	if p, set := s.Get("condition"); set {
		c.unwise(p.Place, "with a condition, Fluent Bit hands over each record by itself: MISP is asked about one at a time, "+
			"and each may wait for max_wait; leave it out, as rules have conditions of their own")
	}
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
