package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"fluent-bit-misp/enrich"
)

// settings are the flags of every command that asks MISP.
type settings struct {
	URL        string `help:"Address of MISP." env:"MISP_URL" placeholder:"URL"`
	APIKeyFile string `help:"File with the key of a MISP user. The key itself can be in the environment, as MISP_API_KEY." env:"MISP_API_KEY_FILE" placeholder:"FILE"`
	Option     stanza `short:"o" help:"Any other option of the plugin's stanza, such as to_ids=any." placeholder:"NAME=VALUE"`

	bare bool                                       // the options are all in Option
	env  func(name string) (value string, set bool) // the environment; os.LookupEnv if nil
}

// A stanza is options as a section of Fluent Bit's configuration has them: their names
// are taken in any case, and kept in lower case.
type stanza map[string]string

// Decode reads one of them from the command line.
func (s *stanza) Decode(ctx *kong.DecodeContext) error {
	var option string
	if err := ctx.Scan.PopValueInto("NAME=VALUE", &option); err != nil {
		return err
	}
	name, value, found := strings.Cut(option, "=")
	if !found {
		return fmt.Errorf("want NAME=VALUE, not %q", option)
	}
	if *s == nil {
		*s = stanza{}
	}
	(*s)[strings.ToLower(name)] = value
	return nil
}

// property returns the options as a stanza would have them.
func (s *settings) property(name string) (value string, set bool) {
	if value, set = s.Option[name]; set || s.bare {
		return value, set
	}
	switch name {
	case "url":
		return s.URL, s.URL != ""
	case "api_key_file":
		return s.APIKeyFile, s.APIKeyFile != ""
	case "api_key":
		if s.APIKeyFile != "" {
			return "", false
		}
		if s.env != nil {
			return s.env("MISP_API_KEY")
		}
		return os.LookupEnv("MISP_API_KEY")
	}
	return "", false
}

// check finds options that the stanza does not have.
func (s *settings) check() error {
	var mistakes []error
	for name := range s.Option {
		if !slices.Contains(enrich.OptionNames(), name) {
			mistakes = append(mistakes, fmt.Errorf("there is no option %q: want one of %s",
				name, strings.Join(enrich.OptionNames(), ", ")))
		}
	}
	return errors.Join(mistakes...)
}

// options reads the options.
func (s *settings) options() (enrich.Options, error) {
	if err := s.check(); err != nil {
		return enrich.Options{}, err
	}
	return enrich.ParseOptions(s.property)
}

// logger logs warnings and errors for people.
func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
