package main

import (
	"bufio"
	"os"
	"strings"
)

// An environment is that of Fluent Bit, which a command that looks at its
// configuration needs: the one of the command, and what systemd adds to it.
type environment struct {
	EnvFile string `help:"File of NAME=VALUE lines, such as systemd's EnvironmentFile, that Fluent Bit has in its environment." placeholder:"FILE"`
}

// lookup returns a function that looks up a variable.
func (e environment) lookup() (func(name string) (value string, set bool), error) {
	if e.EnvFile == "" {
		return os.LookupEnv, nil
	}
	vars, err := readEnv(e.EnvFile)
	if err != nil {
		return nil, err
	}
	return func(name string) (string, bool) {
		if value, set := vars[name]; set {
			return value, true
		}
		return os.LookupEnv(name)
	}, nil
}

// readEnv reads a file of variables as systemd does, but for the escapes.
func readEnv(name string) (map[string]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	vars := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		key, value, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		vars[strings.TrimSpace(key)] = value
	}
	return vars, lines.Err()
}
