// Package conf reads the configuration of a Fluent Bit, classic or YAML, and
// keeps for everything in it the file and the line. It knows what Fluent Bit
// accepts as a file; what the sections mean is for others to say.
//
// Its one invariant: whatever is in the files, [Load] returns, and every
// mistake has its place.
package conf

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// A Config is what the files of a configuration say, in the order in which
// Fluent Bit reads them.
type Config struct {
	YAML     bool // the first file is; the classic format otherwise
	Sections []Section
	Mistakes []Mistake // what keeps Fluent Bit from reading a file as it is meant

	vars map[string]string // set by the configuration itself
}

// A Section is a [SECTION] of the classic format, or its twin in YAML.
type Section struct {
	Kind       string // in lower case: service, input, filter, output, parser, plugins, ...
	Place      Place
	Properties []Property

	Host   int    // of a processor: the index of the input or output that it is in
	Signal string // and what it is for there: logs, metrics or traces
}

// A Property is one key of a section with its value.
type Property struct {
	Key   string // as it is written
	Value string // with the variables filled in, but for paths of plugins; "" for a mapping of YAML
	Unset string // the name of a variable in it that is not set, if there is one
	Place Place
}

// A Place is where something stands.
type Place struct {
	File string // as it was named
	Line int    // from 1
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// A Mistake is something that is not as it must be, or should be.
type Mistake struct {
	Place   Place
	Message string
	Allowed bool // it is unwise, no more
}

func (m Mistake) String() string {
	if m.Allowed {
		return m.Place.String() + ": warning: " + m.Message
	}
	return m.Place.String() + ": " + m.Message
}

// Get returns the property that Fluent Bit takes for key: the first, in any
// case. Set is false if there is none.
func (s *Section) Get(key string) (p Property, set bool) {
	for _, p := range s.Properties {
		if strings.EqualFold(p.Key, key) {
			return p, true
		}
	}
	return Property{}, false
}

// Value returns the value of key, "" if it is not set.
func (s *Section) Value(key string) string {
	p, _ := s.Get(key)
	return p.Value
}

// Load reads the configuration file and what it includes. Variables are taken
// from what the configuration sets, then from env.
func Load(file string, env func(name string) (value string, set bool)) *Config {
	return load(file, Place{file, 1}, map[string]string{}, env)
}

// LoadPart reads a file that a configuration names for a part of it, such as
// its Parsers_File; at is where it does.
func (c *Config) LoadPart(file string, at Place, env func(name string) (value string, set bool)) *Config {
	return load(file, at, maps.Clone(c.vars), env)
}

func load(file string, at Place, vars map[string]string, env func(string) (string, bool)) *Config {
	l := loader{Config: Config{YAML: isYAML(file), vars: vars}, dir: filepath.Dir(file), env: env, read: map[string]bool{}}
	l.load(file, at, l.YAML)
	l.fill()
	return &l.Config
}

// isYAML reports how Fluent Bit takes a file, which it does by its name.
func isYAML(file string) bool {
	ext := filepath.Ext(file)
	return ext == ".yaml" || ext == ".yml"
}

// A loader reads the files of one configuration.
type loader struct {
	Config
	dir   string // of the first file
	env   func(name string) (string, bool)
	read  map[string]bool // by what a file really is, as it may have two names
	chain []string        // the files that are being read, each included by the one before
}

func (l *loader) mistake(at Place, format string, args ...any) {
	l.Mistakes = append(l.Mistakes, Mistake{Place: at, Message: fmt.Sprintf(format, args...)})
}

// maxFile is the largest file that is read, in bytes. What is larger is not a
// configuration.
const maxFile = 1 << 20

// load reads a file, which something at the place names.
func (l *loader) load(file string, at Place, yaml bool) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		l.mistake(at, "cannot read %s: %v", file, reason(err))
		return
	case info.IsDir():
		l.mistake(at, "cannot read %s: it is a directory", file)
		return
	case info.Size() > maxFile:
		l.mistake(at, "cannot read %s: it has more than 1 MiB, which no configuration has", file)
		return
	}
	actual, err := filepath.EvalSymlinks(file)
	if err == nil {
		actual, err = filepath.Abs(actual)
	}
	if err != nil {
		l.mistake(at, "cannot read %s: %v", file, reason(err))
		return
	}
	for i, name := range l.chain {
		if name == actual {
			l.mistake(at, "a cycle of includes: %s", strings.Join(append(l.names(i), file), " includes "))
			return
		}
	}
	if l.read[actual] {
		l.mistake(at, "%s is included a second time, which Fluent Bit refuses", file)
		return
	}
	src, err := os.ReadFile(file)
	if err != nil {
		l.mistake(at, "cannot read %s: %v", file, reason(err))
		return
	}
	l.read[actual] = true
	l.chain = append(l.chain, actual)
	defer func() { l.chain = l.chain[:len(l.chain)-1] }()

	text, bom := strings.CutPrefix(string(src), "\ufeff")
	if bom && !yaml {
		l.mistake(Place{file, 1}, "the file begins with a byte order mark, at which Fluent Bit stops: save it as UTF-8 without one")
	}
	if i := strings.IndexFunc(text, isBinary); i >= 0 {
		line := 1 + strings.Count(text[:i], "\n")
		l.mistake(Place{file, line}, "the byte 0x%02x is none of a text file: this is no configuration, or not in UTF-8", text[i])
		return
	}
	if yaml {
		l.yaml(file, text)
	} else {
		l.classic(file, text)
	}
}

// names returns the files of the chain from i on, without their directories.
func (l *loader) names(i int) []string {
	var names []string
	for _, file := range l.chain[i:] {
		names = append(names, filepath.Base(file))
	}
	return names
}

func isBinary(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffd'
}

// reason returns what the system said, without the path.
func reason(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}
