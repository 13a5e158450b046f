// Command mispctl tries out what the plugin does, without Fluent Bit: it asks
// MISP about values, enriches files of alerts, checks configurations, and
// serves a MISP for demonstrations. It runs the plugin's own engine with the plugin's own
// options.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// The exit codes. Of lookup they are those of grep.
const (
	exitOK      = 0
	exitNothing = 1 // nothing that was looked up is known, or something checked is wrong
	exitTrouble = 2
)

type cli struct {
	Lookup   lookupCmd   `cmd:"" help:"Ask MISP what it knows of values."`
	Run      runCmd      `cmd:"" help:"Enrich alerts: JSON lines in, JSON lines out."`
	Extract  extractCmd  `cmd:"" help:"Show the indicators in alerts; MISP is not asked."`
	Coverage coverageCmd `cmd:"" help:"Show what the rules find in a file of alerts, and what they miss; MISP is not asked."`
	Explain  explainCmd  `cmd:"" help:"Show what the plugin does with one alert, and why."`
	Purge    purgeCmd    `cmd:"" help:"Make a plugin that runs forget what MISP said."`
	Check    checkCmd    `cmd:"" help:"Find what is wrong with a configuration of Fluent Bit."`
	Doctor   doctorCmd   `cmd:"" help:"Find what is wrong with MISP, the key, and the files of this machine."`
	Serve    serveCmd    `cmd:"" help:"Serve a MISP with a few sample events, for demonstrations."`
	Version  versionCmd  `cmd:"" help:"Show which version this is."`

	Completion completionCmd `cmd:"" hidden:"" help:"Write the completions of a shell."`
	Manual     manualCmd     `cmd:"" hidden:"" help:"Write the man page."`
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// An output keeps the first error of writing, so that no command has to.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// These end a command with exitNothing and without a message.
var (
	errNothing  = errors.New("nothing is known")
	errMistakes = errors.New("there are mistakes")
)

func main() {
	os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs the command line and returns the exit code.
func run(args []string, std streams) int {
	var c cli
	code := -1
	out := &output{Writer: std.out}
	std.out = out
	parser := kong.Must(&c,
		kong.Name("mispctl"),
		kong.Description("Try out the MISP plugin for Fluent Bit: what it finds in alerts, and what MISP knows of it."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(n int) { code = n }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	ctx, err := parser.Parse(args)
	if code >= 0 { // help was asked for and shown
		return code
	}
	if err == nil {
		err = ctx.Run(std)
	}
	nothing := errors.Is(err, errNothing) || errors.Is(err, errMistakes)
	switch {
	case out.err != nil && (err == nil || nothing):
		err = out.err
	case err == nil:
		return exitOK
	case nothing:
		return exitNothing
	}
	fmt.Fprintf(std.err, "mispctl: %v\n", err)
	return exitTrouble
}
