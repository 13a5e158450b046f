// Package check finds what is wrong with a Fluent Bit configuration that uses
// the plugin: what Fluent Bit itself cannot notice, as it does not know the
// plugin's options, and what it does not mind, but Wazuh's alerts do.
//
// Its one invariant: it only reads. A Fluent Bit that runs with the
// configuration does not notice.
package check

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fluent-bit-misp/conf"
)

// Options say how to check.
type Options struct {
	Env       func(name string) (value string, set bool) // the environment of Fluent Bit
	Elsewhere bool                                       // Fluent Bit runs on another machine: look at no files and allow variables that are not set
}

// File returns what is wrong with the configuration in a file, or unwise, by
// file and line; nothing if all is well.
func File(file string, o Options) []conf.Mistake {
	c := &checker{Options: o, file: file, config: conf.Load(file, o.Env)}
	c.mistakes = c.config.Mistakes
	// What is missing would make mistakes of what stands elsewhere.
	whole := len(c.mistakes) == 0
	if whole {
		c.service()
		c.plugins()
	}
	for i := range c.config.Sections {
		s := &c.config.Sections[i]
		c.variables(s)
		if c.isMISP(s) {
			c.misp(s, whole)
			if whole {
				c.way(s)
			}
		}
	}
	if whole {
		c.missing()
		c.tails()
	}
	slices.SortStableFunc(c.mistakes, func(a, b conf.Mistake) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line))
	})
	return slices.Compact(c.mistakes)
}

type checker struct {
	Options
	file     string
	config   *conf.Config
	mistakes []conf.Mistake
	loaded   []conf.Property // the paths of plugins
	parsers  []conf.Section
	partial  bool // not all parsers are known
}

func (c *checker) mistake(at conf.Place, format string, args ...any) {
	c.mistakes = append(c.mistakes, conf.Mistake{Place: at, Message: fmt.Sprintf(format, args...)})
}

// unwise warns of something at a place, if there is nothing wrong.
func (c *checker) unwise(at conf.Place, message string) {
	if !c.wrong(at) {
		c.mistakes = append(c.mistakes, conf.Mistake{Place: at, Message: message, Allowed: true})
	}
}

// wrong reports whether there is a mistake at a place.
func (c *checker) wrong(at conf.Place) bool {
	return slices.ContainsFunc(c.mistakes, func(m conf.Mistake) bool { return m.Place == at && !m.Allowed })
}

// sections returns the sections of a kind.
func (c *checker) sections(kind string) []*conf.Section {
	var found []*conf.Section
	for i := range c.config.Sections {
		if s := &c.config.Sections[i]; s.Kind == kind {
			found = append(found, s)
		}
	}
	return found
}

func (c *checker) isMISP(s *conf.Section) bool {
	named := strings.EqualFold(s.Value("name"), "misp")
	return named && (s.Kind == "filter" || s.Kind == "output" || s.Kind == "processor")
}

// missing reports that the plugin is not used at all.
func (c *checker) missing() {
	if !slices.ContainsFunc(c.config.Sections, func(s conf.Section) bool { return c.isMISP(&s) }) {
		c.mistake(conf.Place{File: c.file, Line: 1}, "no filter or output has the name misp")
	}
}

// variables reports variables that are not set.
func (c *checker) variables(s *conf.Section) {
	for _, p := range s.Properties {
		switch {
		case p.Unset == "" || c.Elsewhere:
		case p.Unset == "CREDENTIALS_DIRECTORY":
			c.mistake(p.Place, "%s: the variable %s is not set, which systemd does for the service alone: "+
				"check with %[2]s=/directory/of/the/key mispctl check", p.Key, p.Unset)
		default:
			c.mistake(p.Place, "%s: the variable %s is not set, and Fluent Bit takes it for empty", p.Key, p.Unset)
		}
	}
}

// service checks the SERVICE sections and reads the files that they name.
func (c *checker) service() {
	reload := false
	for _, s := range c.sections("service") {
		if p, set := s.Get("daemon"); set && isOn(p.Value) {
			c.mistake(p.Place, "Daemon must be off: the threads of a plugin in Go do not survive it")
		}
		reload = reload || isOn(s.Value("hot_reload"))
	}
	for _, s := range c.sections("service") {
		for _, p := range s.Properties {
			name := strings.ToLower(p.Key)
			if name != "parsers_file" && name != "plugins_file" || p.Unset != "" {
				continue
			}
			if reload && !filepath.IsAbs(p.Value) {
				c.mistake(p.Place, "%s %s: want an absolute path, or a hot reload does not find it", p.Key, p.Value)
			}
			if c.Elsewhere {
				c.partial = true
				continue
			}
			path := p.Value
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(c.file), path)
			}
			part := c.config.LoadPart(path, p.Place, c.Env)
			c.mistakes = append(c.mistakes, part.Mistakes...)
			c.partial = c.partial || len(part.Mistakes) > 0
			for _, s := range part.Sections {
				c.variables(&s)
				switch {
				case s.Kind == "parser" && name == "parsers_file":
					c.parsers = append(c.parsers, s)
				case s.Kind == "plugins" && name == "plugins_file":
					c.loaded = append(c.loaded, s.Properties...)
				}
			}
		}
	}
	for _, kind := range []string{"parser", "multiline_parser"} {
		for _, s := range c.sections(kind) {
			switch {
			case !c.config.YAML:
				c.mistake(s.Place, "a section of the kind %s belongs into a file of its own, which Parsers_File names", strings.ToUpper(kind))
			case kind == "parser":
				c.parsers = append(c.parsers, *s)
			}
		}
	}
	for _, s := range c.sections("plugins") {
		c.loaded = append(c.loaded, s.Properties...)
	}
}

// Fluent Bit finds the filter by the name of its file.
const (
	filterFile = "flb-filter_misp.so"
	outputFile = "out_misp.so"
)

// plugins checks the files of the plugin, and that the sections find it in them.
// None at all is well: they may be named on the command line.
func (c *checker) plugins() {
	var ours []conf.Property
	for _, p := range c.loaded {
		base := filepath.Base(p.Value)
		switch {
		case strings.Contains(p.Value, "${"):
			c.mistake(p.Place, "%s: Fluent Bit fills in no variables in the path of a plugin", p.Value)
		case !filepath.IsAbs(p.Value):
			c.mistake(p.Place, "%s: want an absolute path, as it is not clear where Fluent Bit runs", p.Value)
		case base == filterFile || base == outputFile:
			ours = append(ours, p)
		case strings.Contains(base, "misp"):
			c.mistake(p.Place, "%s: the file must be called %s, or %s for the output: Fluent Bit goes by that", p.Value, filterFile, outputFile)
		}
	}
	c.named(ours)
	if c.Elsewhere {
		return
	}
	var first conf.Property
	for _, p := range ours {
		if !c.exists(p, "") {
			continue
		}
		if first.Value != "" && !sameFile(first.Value, p.Value) {
			c.mistake(p.Place, "%s must be a symbolic link to %s: two copies in one process are not possible", p.Value, first.Value)
		}
		first = p
	}
}

// named checks that what is loaded has the sections of the plugin.
func (c *checker) named(ours []conf.Property) {
	if len(ours) == 0 || c.partial {
		return
	}
	for i := range c.config.Sections {
		s := &c.config.Sections[i]
		file, what := filterFile, "filter"
		if s.Kind == "output" {
			file, what = outputFile, "output"
		}
		if c.isMISP(s) && !slices.ContainsFunc(ours, func(p conf.Property) bool { return filepath.Base(p.Value) == file }) {
			c.mistake(s.Place, "no plugin is loaded that has this %s: name %s as well", what, file)
		}
	}
}

// isOn reads a boolean as Fluent Bit does.
func isOn(v string) bool {
	v = strings.ToLower(v)
	return v == "on" || v == "true" || v == "yes"
}

// isOff does so too. What is neither, is for Fluent Bit to refuse.
func isOff(v string) bool {
	v = strings.ToLower(v)
	return v == "off" || v == "false" || v == "no"
}
