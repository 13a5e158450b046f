package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp"
)

func TestInspected(t *testing.T) {
	fine := misp.Inspection{URL: "https://misp.example", Version: "2.5.1", User: "u@misp.example", Role: "Read Only", HasTime: true, Search: 10 * time.Millisecond}
	with := func(change func(*misp.Inspection)) misp.Inspection {
		in := fine
		change(&in)
		return in
	}
	chain := func(days time.Duration) []*x509.Certificate {
		named := func(name string, days time.Duration) *x509.Certificate {
			return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(days*24*time.Hour + time.Minute)}
		}
		return []*x509.Certificate{named("misp.example", days), named("Our CA", 900)}
	}
	for _, test := range []struct {
		name  string
		in    misp.Inspection
		tls   misp.TLS
		want  string // a line
		wrong bool
	}{
		{"version", fine, misp.TLS{}, "ok     MISP 2.5.1 answers at https://misp.example", false},
		{"key", fine, misp.TLS{}, "ok     the key is that of u@misp.example, with the role Read Only", false},
		{"plain", with(func(in *misp.Inspection) { in.URL = "http://misp.example" }), misp.TLS{}, "hint   the connection has no TLS: whoever is between here and MISP can read the key", false},
		{"certificate", with(func(in *misp.Inspection) { in.Chain = chain(90) }), misp.TLS{},
			"ok     MISP's certificate is good for 90 days: CN=misp.example, signed by CN=Our CA", false},
		{"certificate ends", with(func(in *misp.Inspection) { in.Chain = chain(5) }), misp.TLS{},
			"WRONG  MISP's certificate (CN=misp.example, signed by CN=Our CA) ends in 5 days: renew it", true},
		{"not verified", with(func(in *misp.Inspection) { in.Chain = chain(90) }), misp.TLS{NoVerify: true},
			"WRONG  MISP's certificate is not verified, and is CN=misp.example, signed by CN=Our CA: set tls.verify to on, and tls.ca_file to the certificate of who signed it", true},
		{"clock", with(func(in *misp.Inspection) { in.Ahead = -5 * time.Minute }), misp.TLS{},
			"WRONG  the clocks of MISP and of this machine differ by 5m0s: let both have their time by NTP", true},
		{"admin", with(func(in *misp.Inspection) { in.Admin = true }), misp.TLS{},
			"hint   this role may do everything in MISP: a user with the role Read Only is enough, if API access is added to it", false},
		{"limit", with(func(in *misp.Inspection) { in.RateLimit, in.RateRemaining, in.RateReset = 100, 50, time.Minute }), misp.TLS{},
			"ok     the role may do 100 searches at a time, 50 are left for the next 1m0s", false},
		{"limit reached", with(func(in *misp.Inspection) { in.RateLimit, in.RateRemaining, in.RateReset = 100, 5, time.Minute }), misp.TLS{},
			"WRONG  of 100 searches that the role may do, 5 are left for the next 1m0s: raise the rate limit of the role in MISP", true},
		{"slow", with(func(in *misp.Inspection) { in.Search = 65 * time.Millisecond }), misp.TLS{},
			"hint   a search takes 65ms, most of which MISP needs to check the key: an administrator of MISP can make it about five times faster by setting Security.api_key_quick_lookup to true", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			d := &doctor{w: &b}
			d.inspected(test.in, test.tls)
			if !strings.Contains(b.String(), test.want+"\n") || d.wrong != test.wrong {
				t.Errorf("wrong is %v, said\n%swant\n%s", d.wrong, b.String(), test.want)
			}
		})
	}
}

// Who may read what is told by owners and modes, also when root asks for
// somebody else.
func TestFiles(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "files") // into t.TempDir() only its owner may look
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "logs", "alerts.json")
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	group := groupOf(file)
	nobody := &user.User{Username: "nobody", Uid: "65534", Gid: "65534", HomeDir: "/"}
	for _, test := range []struct {
		name     string
		who      *user.User
		file     os.FileMode
		dir      os.FileMode
		want     string
		storages string
	}{
		{"owner", me, 0o640, 0o750, "ok     ME may read FILE", "ok     ME may write to DIR"},
		{"others", nobody, 0o644, 0o777, "ok     nobody may read FILE", "WRONG  DIR does not belong to nobody, as whom Fluent Bit runs: chown -R nobody DIR"},
		{"open to all", me, 0o644, 0o777, "ok     ME may read FILE", "WRONG  others may write to DIR: chmod go-w DIR"},
		{"file", nobody, 0o640, 0o755, "WRONG  nobody may not read FILE: usermod -aG GROUP nobody, and restart Fluent Bit", "WRONG  DIR does not belong to nobody, as whom Fluent Bit runs: chown -R nobody DIR"},
		{"directory", nobody, 0o644, 0o750, "WRONG  nobody may not look into DIR: usermod -aG GROUP nobody, and restart Fluent Bit", "WRONG  DIR does not belong to nobody, as whom Fluent Bit runs: chown -R nobody DIR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.Chmod(file, test.file); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Dir(file), test.dir); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			d := &doctor{w: &b}
			d.alerts(file, test.who)
			d.storage(filepath.Dir(file), test.who)
			want := strings.NewReplacer("FILE", file, "DIR", filepath.Dir(file), "GROUP", group, "ME", me.Username).
				Replace(test.want + "\n" + test.storages + "\n")
			if b.String() != want {
				t.Errorf("said\n%swant\n%s", b.String(), want)
			}
		})
	}
}

// A directory that is not there is made by the plugin, where it can.
func TestStorageThatIsNotThere(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for path, want := range map[string]string{
		"/misp":     "ok     ME can make the directory DIR/misp",
		"/a/b/misp": "WRONG  there is no directory DIR/a/b/misp: mkdir -p DIR/a/b/misp && chown ME DIR/a/b/misp",
	} {
		var b strings.Builder
		d := &doctor{w: &b}
		d.storage(dir+path, me)
		if want = strings.NewReplacer("DIR", dir, "ME", me.Username).Replace(want) + "\n"; b.String() != want {
			t.Errorf("said\n%swant\n%s", b.String(), want)
		}
	}
}
