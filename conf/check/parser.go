package check

import (
	"slices"
	"strings"

	"fluent-bit-misp/conf"
)

// parserAhead returns the filter or processor that makes records of the lines of an
// input before they come to a section of the plugin, nil if there is none.
func (c *checker) parserAhead(m *conf.Section, input int, tag string) *conf.Section {
	inside := m.Kind == "processor" && m.Host == input // where no filter has been yet
	for i := range c.config.Sections {
		f := &c.config.Sections[i]
		if inside && f == m {
			return nil
		}
		kind := f.Kind == "processor" || f.Kind == "filter" && !inside
		if kind && strings.EqualFold(f.Value("name"), "parser") && c.takes(f, input, tag) {
			return f
		}
	}
	return nil
}

// parser checks that a tail input, or else what is ahead of the plugin, makes
// records of the lines, with all that is in them.
func (c *checker) parser(s, ahead *conf.Section) {
	named, set := s.Get("parser")
	if !set && ahead != nil {
		named, set = ahead.Get("parser")
	}
	if !set {
		c.mistake(s.Place, "Parser is not set: the alerts stay text, in which no rule finds a field")
		return
	}
	i := slices.IndexFunc(c.parsers, func(p conf.Section) bool { return p.Value("name") == named.Value })
	if i < 0 {
		if named.Unset != "" || c.partial {
			return
		}
		var names []string
		for _, p := range c.parsers {
			names = append(names, p.Value("name"))
		}
		c.mistake(named.Place, "there is no parser %s%s", named.Value, suggest(named.Value, names))
		return
	}
	c.alerts(&c.parsers[i])
}

// How the time of an alert is written: 2026-02-20T10:11:12.345+0000.
var timeFormats = []string{"%Y-%m-%dT%H:%M:%S.%L%z", "%Y-%m-%dT%T.%L%z", "%FT%H:%M:%S.%L%z", "%FT%T.%L%z"}

// alerts checks a parser of Wazuh's alerts.
func (c *checker) alerts(p *conf.Section) {
	if format, _ := p.Get("format"); !strings.EqualFold(format.Value, "json") {
		at := format.Place
		if format.Key == "" {
			at = p.Place
		}
		c.mistake(at, "the parser %s has the format %q: alerts are json", p.Value("name"), format.Value)
	}
	key, set := p.Get("time_key")
	if !set {
		return
	}
	if !isOn(p.Value("time_keep")) {
		at := key.Place
		if keep, set := p.Get("time_keep"); set {
			at = keep.Place
		}
		c.mistake(at, "Time_Keep must be on: the parser %s takes %s out of the alerts", p.Value("name"), key.Value)
	}
	format, set := p.Get("time_format")
	if key.Value == "timestamp" && !slices.Contains(timeFormats, format.Value) {
		at := format.Place
		if !set {
			at = p.Place
		}
		c.mistake(at, "Time_Format is %q: the time of Wazuh's alerts is %s", format.Value, timeFormats[0])
	}
}
