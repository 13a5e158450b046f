package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"fluent-bit-misp/conf/check"
)

type checkCmd struct {
	EnvFile   string `help:"File of NAME=VALUE lines, such as systemd's EnvironmentFile, that Fluent Bit has in its environment." placeholder:"FILE"`
	Elsewhere bool   `help:"Fluent Bit runs on another machine: look at no files but the configuration, and allow variables that are not set."`
	File      string `arg:"" help:"fluent-bit.conf, or fluent-bit.yaml." default:"/etc/fluent-bit/fluent-bit.conf"`
}

func (*checkCmd) Help() string {
	return `Reads a configuration, with what it includes, and shows each mistake with its file and line: options that the plugin does not have, which Fluent Bit cannot notice, wrong values and rules, settings of the input with which alerts get lost, and files that cannot be read. Run it as the user that Fluent Bit runs as.

Exit code: 0 if all is well, 1 if something is wrong, 2 on trouble.`
}

func (c *checkCmd) Run(std streams) error {
	env := os.LookupEnv
	if c.EnvFile != "" {
		vars, err := readEnv(c.EnvFile)
		if err != nil {
			return err
		}
		env = func(name string) (string, bool) {
			if value, set := vars[name]; set {
				return value, true
			}
			return os.LookupEnv(name)
		}
	}
	mistakes := check.File(c.File, check.Options{Env: env, Elsewhere: c.Elsewhere})
	for _, m := range mistakes {
		fmt.Fprintln(std.out, printable(m.String()))
	}
	if len(mistakes) > 0 {
		return errMistakes
	}
	return nil
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
