package forward

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"fluent-bit-misp/misp/file"
)

// Config says where chunks go, and how. [ParseOptions] makes one.
type Config struct {
	Targets   []string // HOST:PORT or unix:/PATH; the first is preferred
	SharedKey string   // by which target and sender know each other; a secret; none if empty
	Hostname  string   // what the sender calls itself
	TLS       *tls.Config
	Gzip      bool

	// Without acknowledgements a chunk counts as delivered when it is written.
	NoAck bool

	ConnectTimeout time.Duration // to connect, with TLS and shared key
	AckTimeout     time.Duration // to send a chunk and get its acknowledgement

	Log *slog.Logger     // says when a target stops and starts to take chunks; nothing by default
	Now func() time.Time // time.Now
}

// An option is one setting of the stanza.
type option struct {
	name   string
	accept string // what it takes, for messages
	set    func(s *settings, value string) error
}

// Settings are a Config and what has to be checked together.
type settings struct {
	Config
	keyed             bool // a shared key is set
	tls, noVerify     bool
	ca, cert, certKey string // files
}

// errAccept makes a message that says no more than what the option accepts.
var errAccept = errors.New("")

var options = []option{
	{"forward.targets", "HOST:PORT or unix:/PATH, or several, separated by commas", setTargets},
	{"forward.shared_key", "the shared_key of the target's forward input", func(s *settings, v string) error {
		return s.setKey(v)
	}},
	{"forward.shared_key_file", "a file that holds the shared key and nothing else", func(s *settings, v string) error {
		text, err := file.Read(v)
		if err != nil {
			return err
		}
		return s.setKey(strings.TrimSpace(string(text)))
	}},
	{"forward.self_hostname", "a name of up to 255 bytes", func(s *settings, v string) error {
		s.Hostname = v
		if v == "" || len(v) > 255 {
			return errAccept
		}
		return nil
	}},
	{"forward.tls", boolean, func(s *settings, v string) error { return setBool(&s.tls, v, true) }},
	{"forward.tls.verify", boolean, func(s *settings, v string) error { return setBool(&s.noVerify, v, false) }},
	{"forward.tls.ca_file", "a file of certificates in PEM form", func(s *settings, v string) error { s.ca = v; return nil }},
	{"forward.tls.crt_file", "a file with the sender's certificate in PEM form", func(s *settings, v string) error { s.cert = v; return nil }},
	{"forward.tls.key_file", "a file with the sender's key in PEM form", func(s *settings, v string) error { s.certKey = v; return nil }},
	{"forward.compress", "none or gzip", func(s *settings, v string) error {
		s.Gzip = strings.EqualFold(v, "gzip")
		if !s.Gzip && !strings.EqualFold(v, "none") {
			return errAccept
		}
		return nil
	}},
	{"forward.require_ack", boolean, func(s *settings, v string) error { return setBool(&s.NoAck, v, false) }},
	{"forward.connect_timeout", duration, func(s *settings, v string) error { return setDuration(&s.ConnectTimeout, v) }},
	{"forward.ack_timeout", duration, func(s *settings, v string) error { return setDuration(&s.AckTimeout, v) }},
}

const (
	boolean  = "on or off"
	duration = "a duration such as 500ms, 2s or 1m, more than 0"
)

// OptionNames returns the name of every option.
func OptionNames() []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

// ParseOptions reads the options of a stanza: property returns the value of
// one, and whether it is set. The error joins one error for every mistake, each
// with the option, its value and what is accepted; a key is not shown.
func ParseOptions(property func(name string) (value string, set bool)) (Config, error) {
	s := settings{Config: Config{ConnectTimeout: 5 * time.Second, AckTimeout: 10 * time.Second}}
	var mistakes []error
	for _, o := range options {
		value, set := property(o.name)
		if !set {
			continue
		}
		value = strings.TrimSpace(value)
		err := o.set(&s, value)
		shown := strconv.Quote(value)
		if o.name == "forward.shared_key" {
			shown = "[hidden]"
		}
		switch {
		case err == errAccept:
			mistakes = append(mistakes, fmt.Errorf("%s %s: want %s", o.name, shown, o.accept))
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("%s %s: %w; want %s", o.name, shown, err, o.accept))
		}
	}
	if _, set := property("forward.targets"); !set {
		mistakes = append(mistakes, errors.New("forward.targets is not set: want HOST:PORT or unix:/PATH of a forward input; "+
			"Fluent Bit keeps host and port to itself"))
	}
	if s.Hostname == "" {
		if s.Hostname, _ = os.Hostname(); s.Hostname == "" {
			s.Hostname = "misp"
		}
	}
	mistakes = append(mistakes, s.loadTLS()...)
	return s.Config, errors.Join(mistakes...)
}

func setTargets(s *settings, v string) error {
	s.Targets = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	for i, t := range s.Targets {
		if slices.Contains(s.Targets[:i], t) {
			return fmt.Errorf("%s is there twice", t)
		}
		if path, unix := strings.CutPrefix(t, "unix:"); unix {
			if !strings.HasPrefix(path, "/") || len(path) > 107 {
				return fmt.Errorf("%s is not the absolute path of a socket, of up to 107 bytes", t)
			}
			continue
		}
		host, port, err := net.SplitHostPort(t)
		if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || host == "" || numErr != nil || n == 0 {
			return fmt.Errorf("%s has no host, or no port", t)
		}
	}
	if len(s.Targets) == 0 {
		return errAccept
	}
	return nil
}

func (s *settings) setKey(key string) error {
	switch {
	case key == "":
		return errors.New("it is empty")
	case s.keyed:
		return errors.New("forward.shared_key and forward.shared_key_file are both set")
	}
	s.SharedKey, s.keyed = key, true
	return nil
}

// loadTLS makes s.TLS of the files.
func (s *settings) loadTLS() (mistakes []error) {
	if !s.tls {
		if s.ca != "" || s.cert != "" || s.certKey != "" {
			return []error{errors.New("forward.tls is off, and files for it are set: want forward.tls on, or no files")}
		}
		return nil
	}
	s.TLS, mistakes = file.TLS("forward.tls.", s.ca, s.cert, s.certKey)
	s.TLS.InsecureSkipVerify = s.noVerify
	if (s.cert == "") != (s.certKey == "") {
		mistakes = append(mistakes, errors.New("only one of forward.tls.crt_file and forward.tls.key_file is set: want both or none"))
	}
	return mistakes
}

// setBool sets what an option turns on, or with !on what it turns off. It takes
// what Fluent Bit takes for a boolean.
func setBool(field *bool, v string, on bool) error {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1":
		*field = on
	case "off", "false", "no", "0":
		*field = !on
	default:
		return errAccept
	}
	return nil
}

func setDuration(field *time.Duration, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return errAccept
	}
	*field = d
	return nil
}
