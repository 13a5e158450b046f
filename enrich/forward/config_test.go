package forward

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	writeCertificate(t, dir)
	file := filepath.Join(dir, "shared")
	if err := os.WriteFile(file, []byte(" "+testKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ParseOptions(stanza("forward.targets", "a.example:24224,[2001:db8::1]:1 unix:/run/b.sock", "forward.shared_key_file", file,
		"forward.self_hostname", "me", "forward.tls", "On", "forward.tls.verify", "no", "forward.tls.ca_file", dir+"/crt",
		"forward.tls.crt_file", dir+"/crt", "forward.tls.key_file", dir+"/key", "forward.compress", "GZIP", "forward.require_ack", "off",
		"forward.connect_timeout", "1s", "forward.ack_timeout", "1m"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.Targets, " ") != "a.example:24224 [2001:db8::1]:1 unix:/run/b.sock" || c.SharedKey != testKey || c.Hostname != "me" ||
		!c.TLS.InsecureSkipVerify || c.TLS.RootCAs == nil || len(c.TLS.Certificates) != 1 || !c.Gzip || !c.NoAck ||
		c.ConnectTimeout != time.Second || c.AckTimeout != time.Minute {
		t.Errorf("got %+v", c)
	}
}

func TestOptionDefaults(t *testing.T) {
	c, err := ParseOptions(stanza("forward.targets", "127.0.0.1:24224"))
	if err != nil {
		t.Fatal(err)
	}
	if c.TLS != nil || c.SharedKey != "" || c.Hostname == "" || c.Gzip || c.NoAck || c.ConnectTimeout != 5*time.Second || c.AckTimeout != 10*time.Second {
		t.Errorf("got %+v", c)
	}
}

// One start shows every mistake: option, value, and what is accepted.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	const targets = "forward.targets"
	tests := []struct {
		name  string
		pairs []string
		want  []string
	}{
		{"nothing is set", nil, []string{
			"forward.targets is not set: want HOST:PORT or unix:/PATH of a forward input; Fluent Bit keeps host and port to itself"}},
		{"no target", []string{targets, " , "}, []string{
			`forward.targets ",": want HOST:PORT or unix:/PATH, or several, separated by commas`}},
		{"no port", []string{targets, "a:1,b"}, []string{
			`forward.targets "a:1,b": b has no host, or no port; want HOST:PORT or unix:/PATH, or several, separated by commas`}},
		{"a port that is none", []string{targets, "a:0"}, []string{
			`forward.targets "a:0": a:0 has no host, or no port; want HOST:PORT or unix:/PATH, or several, separated by commas`}},
		{"a path that is none", []string{targets, "unix:s"}, []string{
			`forward.targets "unix:s": unix:s is not the absolute path of a socket, of up to 107 bytes; want HOST:PORT or unix:/PATH, or several, separated by commas`}},
		{"a target again", []string{targets, "a:1,b:1,a:1"}, []string{
			`forward.targets "a:1,b:1,a:1": a:1 is there twice; want HOST:PORT or unix:/PATH, or several, separated by commas`}},
		{"two keys", []string{targets, "a:1", "forward.shared_key", "secret-word", "forward.shared_key_file", "config_test.go"}, []string{
			`forward.shared_key_file "config_test.go": forward.shared_key and forward.shared_key_file are both set; want a file that holds the shared key and nothing else`}},
		{"words and times", []string{targets, "a:1", "forward.tls.verify", "maybe", "forward.compress", "zstd", "forward.require_ack", "",
			"forward.ack_timeout", "0s", "forward.connect_timeout", "soon", "forward.self_hostname", ""}, []string{
			`forward.self_hostname "": want a name of up to 255 bytes`,
			`forward.tls.verify "maybe": want on or off`,
			`forward.compress "zstd": want none or gzip`,
			`forward.require_ack "": want on or off`,
			`forward.connect_timeout "soon": want a duration such as 500ms, 2s or 1m, more than 0`,
			`forward.ack_timeout "0s": want a duration such as 500ms, 2s or 1m, more than 0`}},
		{"files", []string{targets, "a:1", "forward.tls", "on", "forward.shared_key_file", dir, "forward.tls.ca_file", dir + "/none", "forward.tls.crt_file", "x"}, []string{
			`forward.shared_key_file "` + dir + `": is a directory; want a file that holds the shared key and nothing else`,
			`forward.tls.ca_file "` + dir + `/none": no such file or directory`,
			`only one of forward.tls.crt_file and forward.tls.key_file is set: want both or none`}},
		{"not certificates", []string{targets, "a:1", "forward.tls", "on", "forward.tls.ca_file", "config_test.go"}, []string{
			`forward.tls.ca_file "config_test.go": want certificates in PEM form`}},
		{"files for nothing", []string{targets, "a:1", "forward.tls.ca_file", "x"}, []string{
			`forward.tls is off, and files for it are set: want forward.tls on, or no files`}},
	}
	for _, tt := range tests {
		_, err := ParseOptions(stanza(tt.pairs...))
		if err == nil || err.Error() != strings.Join(tt.want, "\n") {
			t.Errorf("%s: got\n%v\nwant\n%s", tt.name, err, strings.Join(tt.want, "\n"))
		}
	}
}
