package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// manualCmd writes the man page. Like the completions, it is made of the help
// texts, so that there is one place for them.
type manualCmd struct{}

func (*manualCmd) Run(std streams, ctx *kong.Context) error {
	writeManual(std.out, ctx.Model.Node)
	return nil
}

func writeManual(w io.Writer, top *kong.Node) {
	fmt.Fprintf(w, ".TH MISPCTL 1 \"\" \"fluent-bit-misp\" \"User Commands\"\n.SH NAME\nmispctl \\- %s\n", roff(top.Help))
	fmt.Fprint(w, ".SH SYNOPSIS\n.B mispctl\n.I COMMAND\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n.SH COMMANDS\n")
	for _, c := range commands(top) {
		fmt.Fprintf(w, ".SS %s\n%s\n", roff(c.Summary()), roff(c.Help))
		for paragraph := range strings.SplitSeq(c.Detail, "\n\n") {
			if paragraph != "" {
				fmt.Fprintf(w, ".PP\n%s\n", roff(paragraph))
			}
		}
		for _, f := range flags(c) {
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR\n%s", roff(f.String()), roff(f.Help))
			if len(f.Envs) > 0 {
				fmt.Fprintf(w, " Also from the environment, as %s.", roff(strings.Join(f.Envs, ", ")))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprint(w, ".SH SEE ALSO\n.BR fluent-bit (1)\n.PP\nThe examples of configurations that come with this package.\n")
}

// roff writes text so that roff takes it as it is.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.TrimSpace(s))
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\n.", "\n\\&."), "\n'", "\n\\&'")
}

// commands returns the commands that are shown to people.
func commands(top *kong.Node) []*kong.Node {
	var all []*kong.Node
	for _, c := range top.Children {
		if !c.Hidden {
			all = append(all, c)
		}
	}
	return all
}

// flags returns the flags of a command, without --help.
func flags(c *kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for _, f := range c.Flags {
		if !f.Hidden && f.Name != "help" {
			all = append(all, f)
		}
	}
	return all
}
