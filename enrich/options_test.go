package enrich

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp"
)

// stanza returns properties as a stanza sets them: name, value, name, value.
func stanza(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestOptions(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("the-key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := ParseOptions(stanza("url", "https://misp.example", "api_key_file", key, "tls.verify", "off",
		"timeout", "1500ms", "batch_size", "100", "to_ids", "Any", "text", "on", "ignore", "10.0.0.0/8, corp.example",
		"cache_negative_ttl", "5m", "max_wait", "0", "urgent_level", "10", "pending_size", "2m", "max_requests_per_minute", "60", "prefix", "ti.", "format", "ECS", "fields", "value,misp_event_id", "verdict", "all"))
	if err != nil {
		t.Fatal(err)
	}
	if o.MISP.URL != "https://misp.example" || o.MISP.APIKey.Reveal() != "the-key" || !o.MISP.TLS.NoVerify ||
		o.MISP.Timeout != 1500*time.Millisecond || o.MISP.BatchSize != 100 || o.MISP.ToIDs != misp.Any || o.MISP.Published != misp.Yes {
		t.Errorf("MISP: %+v", o.MISP)
	}
	if o.Cache.NegativeTTL != 5*time.Minute || !o.Text || strings.Join(o.Ignore, " ") != "10.0.0.0/8 corp.example" {
		t.Errorf("got %+v", o)
	}
	if o.MaxWait != 0 || o.UrgentLevel != 10 || o.PendingSize != 2<<20 || o.MISP.MaxRequestsPerMinute != 60 {
		t.Errorf("got %+v", o)
	}
	if o.Prefix != "ti." || o.Format != ECS || !o.Fields["value"] || !o.Fields["event_id"] || o.Verdict != VerdictAll {
		t.Errorf("got %+v", o)
	}
}

func TestOptionDefaults(t *testing.T) {
	o, err := ParseOptions(stanza())
	if err != nil {
		t.Fatal(err)
	}
	if o.Prefix != "misp_" || strings.Join(o.Rules, " ") != "default" || o.Fields != nil || o.Format != Flat ||
		o.Verdict != VerdictUnknown || o.Text || o.MISP.TLS.NoVerify || o.MaxWait != 500*time.Millisecond ||
		o.UrgentLevel != 12 || o.StoragePath != "" || o.PendingSize != 64<<20 || o.LateHitsFile != "" || o.Warnings != nil {
		t.Errorf("got %+v", o)
	}
}

// One start shows every mistake: option, value, and what is accepted.
func TestOpenNamesEveryMistake(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	badRules := filepath.Join(dir, "rules.yaml")
	os.WriteFile(empty, nil, 0o600)
	os.WriteFile(badRules, []byte("version: 1\nrules:\n  - name: a\n    lookup:\n      - {field: data.x, type: ipp}\n"), 0o600)
	tests := []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"nothing is set", nil, []string{
			"url is not set: want the address of MISP's front page, such as https://misp.example",
			"api_key is not set: want the authentication key of a MISP user"}},
		{"durations and numbers", []string{"timeout", "5 sec", "cache_ttl", "0s", "cache_error_ttl", "-1s", "batch_size", "many", "cache_size", "0", "max_concurrency", "99"}, []string{
			`timeout "5 sec": want a duration such as 500ms, 2s or 1h, more than 0`,
			`batch_size "many": want a whole number, more than 0`,
			`cache_size "0": want a whole number, more than 0`,
			`cache_ttl "0s": want a duration such as 500ms, 2s or 1h, more than 0`,
			`cache_error_ttl "-1s": want a duration such as 500ms, 2s or 1h, more than 0`,
			`max_concurrency 99: want 1 to 64`}},
		{"waiting", []string{"max_wait", "-1s", "urgent_level", "0", "pending_size", "1K", "max_requests_per_minute", "-1", "cache_stale_ttl", "x",
			"storage_path", empty, "late_hits_file", dir}, []string{
			`max_wait "-1s": want a duration such as 500ms or 2s, or 0`,
			`urgent_level "0": want a whole number, more than 0`,
			`pending_size "1K": want a size such as 64M, 1M or more`,
			`max_requests_per_minute "-1": want a whole number, 0 for any`,
			`cache_stale_ttl "x": want a duration such as 500ms, 2s or 1h, more than 0`,
			`storage_path "` + empty + `": it is not a directory; want a directory of the user as whom Fluent Bit runs`,
			`late_hits_file "` + dir + `": is a directory; want a file that Fluent Bit can append to`}},
		{"sizes", []string{"pending_size", "9999999999G", "late_hits_file", dir + "/none/late.json"}, []string{
			`pending_size "9999999999G": want a size such as 64M, 1M or more`,
			`late_hits_file "` + dir + `/none/late.json": no such file or directory; want a file that Fluent Bit can append to`}},
		{"words", []string{"to_ids", "perhaps", "rules", ",", "tls.verify", "maybe", "text", "2", "format", "json", "verdict", "some"}, []string{
			`tls.verify "maybe": want on or off`,
			`to_ids "perhaps": want yes, no or any`,
			`rules ",": want rule files, separated by commas; default stands for the rules that are built in`,
			`text "2": want on or off`,
			`format "json": want flat or ecs`,
			`verdict "some": want none, unknown or all`}},
		{"fields and prefix", []string{"prefix", "misp {", "fields", "value,colour,misp_size"}, []string{
			`prefix "misp {": want up to 32 letters, digits, and _ - .`,
			`fields "value,colour,misp_size": there is no field colour, size; want names of fields without the prefix, separated by commas`}},
		{"no address for metrics", []string{"metrics_listen", "9099"}, []string{
			`metrics_listen "9099": want off, IP:PORT such as 127.0.0.1:9099, or unix:/PATH`}},
		{"no port for metrics", []string{"metrics_listen", "127.0.0.1:0"}, []string{
			`metrics_listen "127.0.0.1:0": "0" is no port from 1 to 65535; want off, IP:PORT such as 127.0.0.1:9099, or unix:/PATH`}},
		{"a name for metrics", []string{"metrics_listen", "siem.example:9099"}, []string{
			`metrics_listen "siem.example:9099": "siem.example" is no IP address; want off, IP:PORT such as 127.0.0.1:9099, or unix:/PATH`}},
		{"a socket for metrics", []string{"metrics_listen", "unix:misp.sock"}, []string{
			`metrics_listen "unix:misp.sock": misp.sock is not the absolute path of a socket, of up to 107 bytes; want off, IP:PORT such as 127.0.0.1:9099, or unix:/PATH`}},
		{"files", []string{"api_key_file", empty, "tls.ca_file", dir + "/none", "rules", dir + "/no.yaml," + badRules, "ignore", "10.0.0.0/33"}, []string{
			`"10.0.0.0/33"`,
			`api_key_file "` + empty + `": the file is empty; want a file that holds the key and nothing else`,
			`tls.ca_file "` + dir + `/none": no such file or directory`,
			`rules "` + dir + `/no.yaml": no such file or directory; want a rule file, or default for the rules that are built in`,
			badRules + ":5:31: unknown type \"ipp\": "}},
		{"a key where its file is expected", []string{"api_key_file", "secret-word"}, []string{
			"api_key_file (not shown): no such file or directory; want a file that holds the key and nothing else"}},
		{"a key twice", []string{"api_key", "x", "api_key_file", empty}, []string{
			"api_key and api_key_file are both set: want one of them"}},
		{"what is not to be looked up", []string{"ignore", "10.0.0.0/99"}, []string{`"10.0.0.0/99"`}},
		{"an address with a password", []string{"url", "https://user:secret-word@misp.example"}, []string{
			"url has an @ in it: a user or a password has no place there, the key goes into api_key"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(stanza(tt.pairs...), nil)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "secret-word") || strings.Contains(err.Error(), "api_key is not set") != (tt.pairs == nil || !strings.Contains(strings.Join(tt.pairs, " "), "api_key")) {
				t.Errorf("a secret is shown, or a key that is set is missed:\n%v", err)
			}
		})
	}
}

// A verdict that is asked for, and that fields keeps from being written, is warned of.
func TestVerdictNotWritten(t *testing.T) {
	for _, tt := range []struct {
		fields, verdict string
		warns           bool
	}{
		{"value", "", false},
		{"value", "none", false},
		{"value", "all", true},
		{"value", "Unknown", true},
		{"value,misp_verdict", "all", false},
		{"", "all", false},
	} {
		o, err := ParseOptions(stanza("fields", tt.fields, "verdict", tt.verdict))
		want := fmt.Sprintf("verdict %q: nothing of it is written, as fields does not name verdict", tt.verdict)
		if warned := slices.Contains(o.Warnings, want); err != nil || warned != tt.warns || len(o.Warnings) > 1 {
			t.Errorf("fields %q, verdict %q: %v, %q", tt.fields, tt.verdict, err, o.Warnings)
		}
	}
}

func TestMetricsListen(t *testing.T) {
	const open = `metrics_listen %q: whoever can reach this address can read the metrics, which need no password; want 127.0.0.1, or a firewall in front of it`
	tests := []struct {
		value, want string
		warns       bool
	}{
		{"", "", false},
		{"off", "", false},
		{"Off", "", false},
		{"127.0.0.1:9099", "127.0.0.1:9099", false},
		{"localhost:9099", "127.0.0.1:9099", false},
		{"[::1]:9099", "[::1]:9099", false},
		{"unix:/run/fluent-bit//misp.sock", "unix:/run/fluent-bit/misp.sock", false},
		{":9099", "[::]:9099", true},
		{"0.0.0.0:9099", "0.0.0.0:9099", true},
		{"192.0.2.7:9099", "192.0.2.7:9099", true},
	}
	for _, tt := range tests {
		o, err := ParseOptions(stanza("metrics_listen", tt.value))
		if err != nil || o.MetricsListen != tt.want {
			t.Errorf("%q is %q, %v; want %q", tt.value, o.MetricsListen, err, tt.want)
		}
		var want []string
		if tt.warns {
			want = []string{fmt.Sprintf(open, tt.value)}
		}
		if !slices.Equal(o.Warnings, want) {
			t.Errorf("%q warns %q, want %q", tt.value, o.Warnings, want)
		}
	}
}
