package enrich

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fluent-bit-misp/misp"
)

// Options are the settings of a plugin's stanza. [ParseOptions] makes them.
type Options struct {
	MISP  misp.Config
	Cache misp.CacheConfig

	Rules  []string // rule files; "default" stands for the embedded set
	Text   bool     // look for indicators in free text as well
	Ignore []string // networks and domains that are never looked up

	MaxWait     time.Duration // the longest that a chunk may take; 0 is never to wait
	UrgentLevel int           // the rule.level from which on an alert is asked for before others

	StoragePath  string // directory for what waits for MISP; "" keeps it in memory
	PendingSize  int64  // bytes of it
	LateHitsFile string // where late hits are written; "" sends them with the next chunk

	MetricsListen string // HOST:PORT or unix:/PATH where metrics are served; "" is nowhere

	LearnAgents bool // never look up the addresses of the agents seen in the alerts

	Prefix  string          // of every field that is added
	Format  Format          // how a hit is laid out
	Fields  map[string]bool // which fields of a hit are written, by name without prefix; nil for all
	Verdict VerdictFields   // which records besides hits say what came out

	Warnings []string // what is allowed but unwise, for the log
}

// A Format is a way to lay out a hit.
type Format uint8

const (
	Flat Format = iota // misp_value, misp_type, ...
	ECS                // threat.enrichments of the Elastic Common Schema
)

// VerdictFields says which verdicts a record states, besides hits.
type VerdictFields uint8

const (
	VerdictUnknown VerdictFields = iota // records that MISP could not be asked about
	VerdictNone                         // none
	VerdictAll                          // also those in which everything is clean
)

// An option is one setting of the stanza.
type option struct {
	name   string
	accept string // what it takes, for messages
	set    func(o *Options, value string) error
}

// errAccept makes a message that says no more than what the option accepts.
var errAccept = errors.New("")

var options = []option{
	{"url", "the address of MISP's front page, such as https://misp.example, or several, separated by commas",
		func(o *Options, v string) error { o.MISP.URL = v; return nil }},
	{"api_key", "the authentication key of a MISP user",
		func(o *Options, v string) error { o.MISP.APIKey = misp.NewSecret(strings.TrimSpace(v)); return nil }},
	{"api_key_file", "a file that holds the key and nothing else", setKeyFile},
	{"tls.verify", boolean, func(o *Options, v string) error {
		verify, err := parseBool(v)
		if o.MISP.TLS.NoVerify = !verify && err == nil; o.MISP.TLS.NoVerify {
			o.Warnings = append(o.Warnings, "tls.verify is off: whoever is between here and MISP can read the key and answer in MISP's place")
		}
		return err
	}},
	{"tls.ca_file", "a file of certificates in PEM form",
		func(o *Options, v string) error { o.MISP.TLS.CAFile = v; return nil }},
	{"tls.crt_file", "a file with the client's certificate in PEM form",
		func(o *Options, v string) error { o.MISP.TLS.CrtFile = v; return nil }},
	{"tls.key_file", "a file with the client's key in PEM form",
		func(o *Options, v string) error { o.MISP.TLS.KeyFile = v; return nil }},
	{"proxy", "http://, https:// or socks5://[USER:PASSWORD@]HOST:PORT",
		func(o *Options, v string) error { o.MISP.Proxy = misp.NewSecret(v); return nil }},
	{"max_wait", "a duration such as 500ms or 2s, or 0", func(o *Options, v string) error {
		var err error
		o.MaxWait, err = time.ParseDuration(v)
		if err != nil || o.MaxWait < 0 {
			return errAccept
		}
		return nil
	}},
	{"urgent_level", number, numberOption(func(o *Options) *int { return &o.UrgentLevel })},
	{"timeout", duration, durationOption(func(o *Options) *time.Duration { return &o.MISP.Timeout })},
	{"batch_size", number, numberOption(func(o *Options) *int { return &o.MISP.BatchSize })},
	{"max_concurrency", number, numberOption(func(o *Options) *int { return &o.MISP.MaxConcurrency })},
	{"max_requests_per_minute", "a whole number, 0 for any", func(o *Options, v string) error {
		if v == "0" {
			return nil
		}
		return numberOption(func(o *Options) *int { return &o.MISP.MaxRequestsPerMinute })(o, v)
	}},
	{"to_ids", filter, filterOption(func(o *Options) *misp.Filter { return &o.MISP.ToIDs })},
	{"published", filter, filterOption(func(o *Options) *misp.Filter { return &o.MISP.Published })},
	{"rules", "rule files, separated by commas; default stands for the rules that are built in",
		func(o *Options, v string) error { return setList(&o.Rules, v) }},
	{"text", boolean, func(o *Options, v string) (err error) { o.Text, err = parseBool(v); return err }},
	{"ignore", "networks and domains, separated by commas",
		func(o *Options, v string) error { return setList(&o.Ignore, v) }},
	{"learn_agents", boolean, func(o *Options, v string) (err error) { o.LearnAgents, err = parseBool(v); return err }},
	{"cache_size", number, numberOption(func(o *Options) *int { return &o.Cache.Size })},
	{"cache_ttl", duration, durationOption(func(o *Options) *time.Duration { return &o.Cache.TTL })},
	{"cache_negative_ttl", duration, durationOption(func(o *Options) *time.Duration { return &o.Cache.NegativeTTL })},
	{"cache_error_ttl", duration, durationOption(func(o *Options) *time.Duration { return &o.Cache.ErrorTTL })},
	{"cache_stale_ttl", duration, durationOption(func(o *Options) *time.Duration { return &o.Cache.StaleTTL })},
	{"storage_path", "a directory of the user as whom Fluent Bit runs", setText(func(o *Options) *string { return &o.StoragePath })},
	{"pending_size", "a size such as 64M, 1M or more", setPendingSize},
	{"late_hits_file", "a file that Fluent Bit can append to", setText(func(o *Options) *string { return &o.LateHitsFile })},
	{"metrics_listen", "off, IP:PORT such as 127.0.0.1:9099, or unix:/PATH", setMetricsListen},
	{"prefix", "up to 32 letters, digits, and _ - .", setPrefix},
	{"format", "flat or ecs", wordOption(map[string]Format{"flat": Flat, "ecs": ECS}, func(o *Options) *Format { return &o.Format })},
	{"fields", "names of fields without the prefix, separated by commas", setFields},
	{"verdict", "none, unknown or all", wordOption(
		map[string]VerdictFields{"none": VerdictNone, "unknown": VerdictUnknown, "all": VerdictAll},
		func(o *Options) *VerdictFields { return &o.Verdict })},
}

const (
	boolean  = "on or off"
	duration = "a duration such as 500ms, 2s or 1h, more than 0"
	number   = "a whole number, more than 0"
	filter   = "yes, no or any"
)

// OptionNames returns the name of every option.
func OptionNames() []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

// shown returns a value as messages show it. What stands for the file of a key
// and is no path may be the key itself.
func shown(name, value string) string {
	if name == "api_key_file" && !strings.Contains(value, "/") {
		return "(not shown)"
	}
	return strconv.Quote(value)
}

// ParseOptions reads the options of a stanza: property returns the value of
// one, and whether it is set. One that is empty is not. The error joins one
// error for every mistake, each with the option, its value and what is accepted.
func ParseOptions(property func(name string) (value string, set bool)) (Options, error) {
	o := Options{
		Prefix: "misp_", Rules: []string{defaultRules}, LearnAgents: true,
		MaxWait: 500 * time.Millisecond, UrgentLevel: 12, PendingSize: 64 << 20,
	}
	var mistakes []error
	set := map[string]bool{}
	for _, opt := range options {
		value, _ := property(opt.name)
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		set[opt.name] = true
		err := opt.set(&o, value)
		switch {
		case err == errAccept:
			mistakes = append(mistakes, fmt.Errorf("%s %q: want %s", opt.name, value, opt.accept))
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("%s %s: %w; want %s", opt.name, shown(opt.name, value), err, opt.accept))
		}
	}
	if set["api_key"] && set["api_key_file"] {
		mistakes = append(mistakes, errors.New("api_key and api_key_file are both set: want one of them"))
	}
	if set["verdict"] && o.Verdict != VerdictNone && o.Fields != nil && !o.Fields[verdictField] {
		value, _ := property("verdict")
		o.Warnings = append(o.Warnings, fmt.Sprintf("verdict %q: nothing of it is written, as fields does not name verdict", strings.TrimSpace(value)))
	}
	// The cache collects what the client asks for.
	o.Cache.BatchSize, o.Cache.MaxConcurrency = o.MISP.BatchSize, o.MISP.MaxConcurrency
	return o, errors.Join(mistakes...)
}
