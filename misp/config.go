package misp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"fluent-bit-misp/misp/file"
)

// Config says which MISP a [Client] asks, and how. The zero value of a field
// is its default; URL and APIKey have none.
type Config struct {
	// URL is the address of MISP's front page: https://misp.example. There may
	// be several, with commas or blanks between them; the first that answers is
	// asked.
	URL    string
	APIKey Secret // the authentication key of a user with API access
	TLS    TLS
	Proxy  Secret // http, https or socks5 URL, with user and password if need be; none by default

	Timeout        time.Duration // of one request; 5 s
	BatchSize      int           // values in one request; 500
	MaxConcurrency int           // requests at the same time; 2

	// MaxRequestsPerMinute bounds the requests to each MISP; 0 is no bound. A
	// tenth of them is kept for look-ups that are [Urgent].
	MaxRequestsPerMinute int

	ToIDs     Filter // by the attribute's to_ids flag
	Published Filter // by whether the event is published

	Log *slog.Logger     // says when MISP stops and starts to answer; nothing by default
	Now func() time.Time // time.Now
}

// TLS says how MISP proves who it is, and the client to MISP.
type TLS struct {
	NoVerify bool   // any certificate will do
	CAFile   string // PEM file of the only authorities to trust; the system's by default
	CrtFile  string // PEM file of the client's certificate
	KeyFile  string // PEM file of its key
}

// A Filter says which of two sorts of attribute count.
type Filter uint8

const (
	Yes Filter = iota // those that are
	No                // those that are not
	Any               // both
)

// ParseFilter reads "yes", "no" or "any".
func ParseFilter(s string) (Filter, error) {
	switch strings.ToLower(s) {
	case "yes":
		return Yes, nil
	case "no":
		return No, nil
	case "any":
		return Any, nil
	}
	return Yes, fmt.Errorf("%q: want yes, no or any", s)
}

// passes reports whether the filter lets through what is so or not so.
func (f Filter) passes(is bool) bool { return f == Any || is == (f == Yes) }

// check fills in the defaults and returns the addresses of MISP, without a
// slash at the end, and the way to them. The error names every mistake.
func (cfg *Config) check() (urls []string, transport *http.Transport, err error) {
	var mistakes []error
	mistake := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf(format, args...))
	}
	urls, err = parseURLs(cfg.URL)
	if err != nil {
		mistakes = append(mistakes, err)
	}
	switch key := cfg.APIKey.Reveal(); {
	case key == "":
		mistake("api_key is not set: want the authentication key of a MISP user")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		mistake("api_key has a blank or a character that no key of MISP has")
	}
	transport = &http.Transport{IdleConnTimeout: time.Minute}
	if transport.TLSClientConfig, err = cfg.TLS.load(); err != nil {
		mistakes = append(mistakes, err)
	}
	if proxy := cfg.Proxy.Reveal(); proxy != "" {
		// The parser's error would show the password.
		u, err := url.Parse(proxy)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
			mistake("proxy: want http://, https:// or socks5://[USER:PASSWORD@]HOST:PORT")
		}
		transport.Proxy = http.ProxyURL(u)
	}
	if cfg.Timeout < 0 || cfg.Timeout > maxTimeout {
		mistake("timeout %v: want more than 0, up to %v", cfg.Timeout, maxTimeout)
	}
	if cfg.BatchSize < 0 || cfg.BatchSize > maxBatchSize {
		mistake("batch_size %d: want 1 to %d", cfg.BatchSize, maxBatchSize)
	}
	if cfg.MaxConcurrency < 0 || cfg.MaxConcurrency > maxConcurrency {
		mistake("max_concurrency %d: want 1 to %d", cfg.MaxConcurrency, maxConcurrency)
	}
	if cfg.MaxRequestsPerMinute < 0 {
		mistake("max_requests_per_minute %d: want 0, for any number, or more", cfg.MaxRequestsPerMinute)
	}
	*cfg = cfg.WithDefaults()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	transport.MaxIdleConnsPerHost = cfg.MaxConcurrency
	transport.TLSHandshakeTimeout = cfg.Timeout
	return urls, transport, errors.Join(mistakes...)
}

// WithDefaults returns cfg with the defaults of the numbers that are not set.
func (cfg Config) WithDefaults() Config {
	setDefault(&cfg.Timeout, 5*time.Second)
	setDefault(&cfg.BatchSize, 500)
	setDefault(&cfg.MaxConcurrency, 2)
	return cfg
}

const (
	maxTimeout     = time.Hour
	maxBatchSize   = 10_000 // MISP itself takes more, but answers page by page
	maxConcurrency = 64
)

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// parseURLs reads the addresses of MISPs.
func parseURLs(list string) (urls []string, err error) {
	const want = "want the address of MISP's front page, such as https://misp.example"
	if strings.Contains(list, "@") { // not shown, as it may be a password
		return nil, errors.New("url has an @ in it: a user or a password has no place there, the key goes into api_key")
	}
	var mistakes []error
	for s := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		if i := strings.IndexAny(s, "?#"); i >= 0 { // what follows is not shown, as it may be the key
			mistakes = append(mistakes, fmt.Errorf("url %q has a %c after it: %s", s[:i], s[i], want))
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			mistakes = append(mistakes, fmt.Errorf("url %q: %s", s, want))
			continue
		}
		if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
			mistakes = append(mistakes, fmt.Errorf("url %q: its port is none from 1 to 65535", s))
			continue
		}
		u.Path = strings.TrimRight(u.Path, "/")
		u.RawPath = ""
		if slices.Contains(urls, u.String()) {
			mistakes = append(mistakes, fmt.Errorf("url %q is there twice", s))
		}
		urls = append(urls, u.String())
	}
	if urls == nil && mistakes == nil {
		return nil, errors.New("url is not set: " + want)
	}
	return urls, errors.Join(mistakes...)
}

// load reads the files that t names.
func (t TLS) load() (*tls.Config, error) {
	cfg, mistakes := file.TLS("tls.", t.CAFile, t.CrtFile, t.KeyFile)
	cfg.InsecureSkipVerify = t.NoVerify
	switch {
	case t.CrtFile != "" && t.KeyFile == "":
		mistakes = append(mistakes, errors.New("tls.key_file is not set, tls.crt_file is: want both or none"))
	case t.CrtFile == "" && t.KeyFile != "":
		mistakes = append(mistakes, errors.New("tls.crt_file is not set, tls.key_file is: want both or none"))
	}
	return cfg, errors.Join(mistakes...)
}
