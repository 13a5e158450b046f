package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd writes what makes a shell complete commands and flags.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCmd) Run(std streams, ctx *kong.Context) error {
	write := map[string]func(io.Writer, []*kong.Node){"bash": writeBash, "zsh": writeZsh, "fish": writeFish}
	write[c.Shell](std.out, commands(ctx.Model.Node))
	return nil
}

func writeBash(w io.Writer, commands []*kong.Node) {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	fmt.Fprintf(w, `_mispctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} flags=
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W '%s' -- "$cur"))
		return
	fi
	case ${COMP_WORDS[1]} in
`, strings.Join(names, " "))
	for _, c := range commands {
		var names []string
		for _, f := range flags(c) {
			names = append(names, "--"+f.Name)
		}
		fmt.Fprintf(w, "	%s) flags='%s' ;;\n", c.Name, strings.Join(names, " "))
	}
	fmt.Fprint(w, `	esac
	case $cur in
	-*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
	*) COMPREPLY=($(compgen -f -- "$cur")) ;;
	esac
}
complete -o filenames -F _mispctl mispctl
`)
}

func writeZsh(w io.Writer, commands []*kong.Node) {
	fmt.Fprint(w, "#compdef mispctl\nif (( CURRENT == 2 )); then\n\tlocal -a commands=(\n")
	for _, c := range commands {
		fmt.Fprintf(w, "\t\t%s\n", quote(c.Name+":"+c.Help))
	}
	fmt.Fprint(w, "\t)\n\t_describe command commands\n\treturn\nfi\ncase $words[2] in\n")
	for _, c := range commands {
		fmt.Fprintf(w, "%s)\n\t_arguments", c.Name)
		for _, f := range flags(c) {
			help := strings.NewReplacer("[", "(", "]", ")").Replace(f.Help)
			value := ""
			if !f.IsBool() {
				value = ":" + strings.ToLower(f.FormatPlaceHolder()) + ":_files"
				value = strings.ReplaceAll(value, "=", " ")
			}
			fmt.Fprintf(w, " \\\n\t\t%s", quote("--"+f.Name+"["+help+"]"+value))
		}
		fmt.Fprint(w, " \\\n\t\t'*:file:_files'\n\t;;\n")
	}
	fmt.Fprintln(w, "esac")
}

func writeFish(w io.Writer, commands []*kong.Node) {
	for _, c := range commands {
		fmt.Fprintf(w, "complete -c mispctl -n __fish_use_subcommand -f -a %s -d %s\n", c.Name, quote(c.Help))
		for _, f := range flags(c) {
			more := ""
			if f.Short != 0 {
				more += " -s " + string(f.Short)
			}
			if !f.IsBool() {
				more += " -r"
			}
			fmt.Fprintf(w, "complete -c mispctl -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", c.Name, f.Name, more, quote(f.Help))
		}
	}
}

// quote makes one word of a text, for every shell of these.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }
