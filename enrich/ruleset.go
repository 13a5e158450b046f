package enrich

import (
	"errors"
	"fmt"

	"fluent-bit-misp/misp/file"
	"fluent-bit-misp/rules"
)

// defaultRules is the word that stands for the embedded rules among files.
const defaultRules = "default"

// CompileRules reads the rule files that the options name and compiles them
// together with what the options ignore. The error joins one error for every
// mistake.
func (o *Options) CompileRules() (*rules.Set, error) {
	options := rules.Options{Text: o.Text, Ignore: o.Ignore}
	var files []*rules.File
	var mistakes []error
	for _, name := range o.Rules {
		file, err := readRules(name)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		files = append(files, file)
	}
	if mistakes != nil {
		// Without all files only the options can be checked.
		_, err := rules.Compile(options)
		return nil, errors.Join(append(mistakes, err)...)
	}
	return rules.Compile(options, files...)
}

func readRules(name string) (*rules.File, error) {
	if name == defaultRules {
		return rules.Default()
	}
	src, err := file.Read(name)
	if err != nil {
		return nil, fmt.Errorf("rules %q: %w; want a rule file, or %s for the rules that are built in", name, err, defaultRules)
	}
	return rules.Parse(name, src)
}
