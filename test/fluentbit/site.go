// Package fluentbit runs the real Fluent Bit with the example configuration of
// the repository, for the end-to-end tests and the demo. It changes nothing in
// the examples but the paths, the address of MISP, and what a [Site] says.
package fluentbit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A Site is a machine with Wazuh and Fluent Bit, in one directory.
type Site struct {
	Dir     string   // absolute; the caller removes it
	URL     string   // of MISP
	Key     string   // of MISP
	YAML    bool     // use the YAML example instead of the classic one
	Bypass  bool     // leave the filter out
	Options []string // more lines for the filter's section
	Parts   []string // plugins whose sections are off in the example, to be switched on
}

// AlertsDir returns the directory of alerts.json.
func (s Site) AlertsDir() string { return filepath.Join(s.Dir, "alerts") }

// Output returns the name of the file that Fluent Bit writes.
func (s Site) Output() string { return filepath.Join(s.Dir, "out", "alerts.json") }

// Config returns the name of Fluent Bit's configuration file.
func (s Site) Config() string {
	if s.YAML {
		return filepath.Join(s.Dir, "etc", "fluent-bit.yaml")
	}
	return filepath.Join(s.Dir, "etc", "fluent-bit.conf")
}

// Install makes the directories and the configuration.
func (s Site) Install() error {
	for _, dir := range []string{"etc", "state", "alerts"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, dir), 0o750); err != nil {
			return err
		}
	}
	files := map[string]string{"misp.key": s.Key + "\n"}
	names := []string{"fluent-bit.conf", "misp.conf"}
	if s.YAML {
		names = []string{"fluent-bit.yaml"}
	}
	for _, name := range names {
		text, err := s.adapt(name + ".example")
		if err != nil {
			return err
		}
		files[name] = text
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.Dir, "etc", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

var (
	key    = regexp.MustCompile(`(?m)^( +)(api_key_file\b.*)$`)
	filter = regexp.MustCompile(`(?s)(\[FILTER\].*?)\[OUTPUT\]|(  filters:.*?)  outputs:`)
)

// adapt returns an example with the paths of the site.
func (s Site) adapt(example string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(root, example))
	if err != nil {
		return "", err
	}
	text := strings.NewReplacer(
		"/usr/lib/fluent-bit/", filepath.Join(root, "build")+"/",
		"/etc/fluent-bit/", filepath.Join(s.Dir, "etc")+"/",
		"/var/lib/fluent-bit", filepath.Join(s.Dir, "state"),
		"/var/log/fluent-bit", filepath.Join(s.Dir, "out"),
		"/var/ossec/logs/alerts", s.AlertsDir(),
		"https://misp.example.com", s.URL,
	).Replace(SwitchOn(string(b), s.Parts...))
	if s.Bypass {
		section := filter.FindString(text)
		text = strings.Replace(text, section, section[strings.LastIndexByte(section, '\n')+1:], 1)
	}
	for _, line := range s.Options {
		text = key.ReplaceAllString(text, "$1$2\n${1}"+line)
	}
	return text, nil
}

// FilterOptions returns the options of the filter in the classic
// configuration, each as "option=value".
func (s Site) FilterOptions() ([]string, error) {
	text, err := s.adapt("fluent-bit.conf.example")
	if err != nil {
		return nil, err
	}
	var options []string
	for line := range strings.Lines(filter.FindString(text)) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), " "); found && !strings.HasPrefix(name, "#") {
			options = append(options, name+"="+strings.TrimSpace(value))
		}
	}
	if len(options) == 0 {
		return nil, fmt.Errorf("fluent-bit.conf.example has no options in a FILTER section before its OUTPUT")
	}
	return options, nil
}

// Root returns the directory of the repository, within which this runs.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("this is to run within the repository")
		}
		dir = filepath.Dir(dir)
	}
}
