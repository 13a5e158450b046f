package misp

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConfigMistakes(t *testing.T) {
	const wantURL = "want the address of MISP's front page, such as https://misp.example"
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing.pem")
	tests := []struct {
		name string
		cfg  Config
		err  string
	}{
		{"nothing", Config{}, "url is not set: " + wantURL + "\n" +
			"api_key is not set: want the authentication key of a MISP user"},
		{"no scheme", Config{URL: "misp.example", APIKey: NewSecret("k")}, `url "misp.example": ` + wantURL},
		{"scheme", Config{URL: "ftp://misp.example", APIKey: NewSecret("k")}, `url "ftp://misp.example": ` + wantURL},
		{"query", Config{URL: "http://m/?a=b", APIKey: NewSecret("k")}, `url "http://m/" has a ? after it: ` + wantURL},
		{"fragment", Config{URL: "http://m/#hunter2", APIKey: NewSecret("k")}, `url "http://m/" has a # after it: ` + wantURL},
		{"password in url", Config{URL: "https://me:hunter2@misp.example", APIKey: NewSecret("k")},
			"url has an @ in it: a user or a password has no place there, the key goes into api_key"},
		{"several", Config{URL: "https://a/, ftp://b https://a,http://c/?d", APIKey: NewSecret("k")},
			`url "ftp://b": ` + wantURL + "\n" + `url "https://a" is there twice` + "\n" + `url "http://c/" has a ? after it: ` + wantURL},
		{"commas", Config{URL: " , ", APIKey: NewSecret("k")}, "url is not set: " + wantURL},
		{"password with a comma", Config{URL: "https://me:hun,ter2@misp.example", APIKey: NewSecret("k")},
			"url has an @ in it: a user or a password has no place there, the key goes into api_key"},
		{"key with a line break", Config{URL: "http://m", APIKey: NewSecret("abc\n")},
			"api_key has a blank or a character that no key of MISP has"},
		{"numbers", Config{URL: "http://m", APIKey: NewSecret("k"), Timeout: -1, BatchSize: 20_000, MaxConcurrency: -2, MaxRequestsPerMinute: -1},
			"timeout -1ns: want more than 0, up to 1h0m0s\n" +
				"batch_size 20000: want 1 to 10000\n" +
				"max_concurrency -2: want 1 to 64\n" +
				"max_requests_per_minute -1: want 0, for any number, or more"},
		{"a timeout for ever", Config{URL: "http://m", APIKey: NewSecret("k"), Timeout: 1_000_000 * time.Hour},
			"timeout 1000000h0m0s: want more than 0, up to 1h0m0s"},
		{"ports", Config{URL: "http://m:0 https://m:65535 http://m:65536/x", APIKey: NewSecret("k")},
			`url "http://m:0": its port is none from 1 to 65535` + "\n" + `url "http://m:65536/x": its port is none from 1 to 65535`},
		{"proxy", Config{URL: "http://m", APIKey: NewSecret("k"), Proxy: NewSecret("http://me:hunter2 @proxy:3128")},
			"proxy: want http://, https:// or socks5://[USER:PASSWORD@]HOST:PORT"},
		{"files", Config{URL: "http://m", APIKey: NewSecret("k"), TLS: TLS{CAFile: missing, CrtFile: empty}},
			`tls.ca_file "` + missing + "\": no such file or directory\n" +
				"tls.key_file is not set, tls.crt_file is: want both or none"},
		{"files that are no certificates", Config{URL: "http://m", APIKey: NewSecret("k"), TLS: TLS{CAFile: empty, CrtFile: empty, KeyFile: empty}},
			fmt.Sprintf("tls.ca_file %q: want certificates in PEM form\n", empty) +
				fmt.Sprintf("tls.crt_file %q and tls.key_file %q: tls: failed to find any PEM data in certificate input", empty, empty)},
		{"key file alone", Config{URL: "http://m", APIKey: NewSecret("k"), TLS: TLS{KeyFile: empty}},
			"tls.crt_file is not set, tls.key_file is: want both or none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewClient(tt.cfg)
			if got := message(err); got != tt.err {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.err)
			}
		})
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := NewClient(Config{URL: "https://misp.example/sub//", APIKey: NewSecret("k")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.servers[0].endpoint(); got != "https://misp.example/sub/attributes/restSearch" {
		t.Errorf("endpoint %s", got)
	}
	if c.cfg.Timeout != 5*time.Second || c.cfg.BatchSize != 500 || c.cfg.MaxConcurrency != 2 || c.cfg.ToIDs != Yes || c.cfg.Published != Yes {
		t.Errorf("got %v, %d, %d, %d, %d", c.cfg.Timeout, c.cfg.BatchSize, c.cfg.MaxConcurrency, c.cfg.ToIDs, c.cfg.Published)
	}
}

func TestParseFilter(t *testing.T) {
	for in, want := range map[string]Filter{"yes": Yes, "No": No, "any": Any} {
		if got, err := ParseFilter(in); got != want || err != nil {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := ParseFilter("on"); message(err) != `"on": want yes, no or any` {
		t.Errorf("got %v", err)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	const text = "hunter2hunter2"
	secret := NewSecret(text)
	cfg := Config{URL: "https://misp.example", APIKey: secret, Proxy: NewSecret("http://me:" + text + "@proxy:1")}
	client, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for _, v := range []any{secret, &secret, cfg, &cfg, client, struct{ s Secret }{secret}, []Secret{secret}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
	}
	asJSON, err := json.Marshal(map[string]any{"a": secret, "b": &secret})
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(asJSON)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "secret", secret, "cfg", cfg)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "secret", secret)
	fmt.Fprint(&shown, errors.Join(fmt.Errorf("with %v", secret)))
	if strings.Contains(shown.String(), text) || strings.Contains(shown.String(), fmt.Sprintf("%x", text)) {
		t.Errorf("shown: %s", shown.String())
	}
	if secret.Reveal() != text || (Secret{}).Reveal() != "" {
		t.Error("Reveal does not")
	}
}
