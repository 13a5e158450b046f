package main

import (
	"fmt"

	"fluent-bit-misp/conf/check"
)

type checkCmd struct {
	environment
	Elsewhere bool   `help:"Fluent Bit runs on another machine: look at no files but the configuration, and allow variables that are not set."`
	File      string `arg:"" help:"fluent-bit.conf, or fluent-bit.yaml; by default ${default}." default:"/etc/fluent-bit/fluent-bit.conf"`
}

func (*checkCmd) Help() string {
	return `Reads a configuration, with what it includes, and shows each mistake with its file and line: options that the plugin does not have, which Fluent Bit cannot notice, wrong values and rules, settings of the input with which alerts get lost, and files that cannot be read. What is allowed but unwise is a warning. Run it as the user that Fluent Bit runs as.

Exit code: 0 if all is well but for warnings, 1 if something is wrong, 2 on trouble.`
}

func (c *checkCmd) Run(std streams) error {
	env, err := c.lookup()
	if err != nil {
		return err
	}
	mistakes := check.File(c.File, check.Options{Env: env, Elsewhere: c.Elsewhere})
	for _, m := range mistakes {
		fmt.Fprintln(std.out, printable(m.String()))
		if !m.Allowed {
			err = errMistakes
		}
	}
	return err
}
