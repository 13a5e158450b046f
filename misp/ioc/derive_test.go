package ioc

import (
	"slices"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	for _, test := range []struct {
		url, want string
		reason    Reason
	}{
		{"http://me@www.Evil.example:8080/x@y", "domain www.evil.example", OK},
		{"http://203.0.113.7:8080/x", "ip 203.0.113.7", OK},
		{"http://[2001:db8::1]:8080/x", "ip 2001:db8::1", OK},
		{"http://[::ffff:203.0.113.7]/", "ip 203.0.113.7", OK},
		{"https://s3.amazonaws.com/evil/a.exe", "none ", PublicSuffix},
	} {
		var b Buffer
		url, reason := b.Add(URL, []byte(test.url))
		if reason != OK {
			t.Fatalf("%s: %s", test.url, reason)
		}
		host, reason := b.Host(url)
		if host.String() != test.want || reason != test.reason {
			t.Errorf("%s: got %q, %s; want %q, %s", test.url, host, reason, test.want, test.reason)
		}
	}
}

func TestHostOfNoURL(t *testing.T) {
	var b Buffer
	domain, _ := b.Add(Domain, []byte("evil.example"))
	for _, indicator := range []Indicator{{}, domain} {
		if host, reason := b.Host(indicator); !host.IsZero() || reason != Malformed {
			t.Errorf("%v: got %v, %s", indicator, host, reason)
		}
	}
}

func TestParents(t *testing.T) {
	for _, test := range []struct {
		domain string
		want   []string
	}{
		{"a.b.evil.example", []string{"b.evil.example", "evil.example"}},
		{"www.evil.co.uk", []string{"evil.co.uk"}},
		{"evil.co.uk", nil},
		{"x.evil.github.io", []string{"evil.github.io"}},
		{"a.www.ck", []string{"www.ck"}},
		{"_dmarc.evil.com", []string{"evil.com"}},
		{"c2.test", nil},
		{"11.10.9.8.7.6.5.4.3.2.1.evil.com", []string{"7.6.5.4.3.2.1.evil.com", "6.5.4.3.2.1.evil.com", "5.4.3.2.1.evil.com",
			"4.3.2.1.evil.com", "3.2.1.evil.com", "2.1.evil.com", "1.evil.com", "evil.com"}},
	} {
		var b Buffer
		domain, reason := b.Add(Domain, []byte(test.domain))
		if reason != OK {
			t.Fatalf("%s: %s", test.domain, reason)
		}
		var got []string
		for _, parent := range b.Parents(nil, domain) {
			got = append(got, parent.Value())
			if same, reason := Normalize(Domain, parent.Value()); reason != OK || same != parent {
				t.Errorf("%v is not canonical: %v, %s", parent, same, reason)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", domain, got, test.want)
		}
	}
	if got := new(Buffer).Parents(nil, Indicator{}); got != nil {
		t.Errorf("the zero Indicator has parents: %v", got)
	}
}

// What makes the path of a URL unfit says nothing of its host.
func TestHostOf(t *testing.T) {
	for raw, want := range map[string]string{
		"http://evil.example/x%":                            "domain evil.example",
		"HTTPS://Evil.Example./x?a=1&&b=2":                  "domain evil.example",
		"http://evil.example/\u00e9":                        "domain evil.example",
		"http://evil.example:99999/x\x00":                   "domain evil.example",
		" http://evil.example/" + strings.Repeat("x", 3000): "domain evil.example",
		"http://203.0.113.7/a b":                            "ip 203.0.113.7",
		`http://evil.example\@good.example/`:                "domain evil.example",
		"http://user@evil.example/%":                        "domain evil.example",
		"http://intranet/%":                                 "",
		"file://evil.example/%":                             "",
		"/path%":                                            "",
		"":                                                  "",
	} {
		var b Buffer
		got, reason := b.HostOf([]byte(raw))
		if (reason == OK) != (want != "") || reason == OK && got.String() != want {
			t.Errorf("%.40q: got %v, %s, want %s", raw, got, reason, want)
		}
	}
}

func TestHashKind(t *testing.T) {
	for _, kind := range []Kind{MD5, SHA1, SHA256, SHA512} {
		if got := HashKind([]byte(values[kind][0].in)); got != kind {
			t.Errorf("%s: got %s", kind, got)
		}
	}
	for in, want := range map[string]Kind{
		"J1oCG7+2SJ5U1HGJn3250WY/xpXsL+KixFOKq/ZR/Q8=": SHA256,
		"RNiGEv6oqPNt6C4SeKuwLw":                       None, // without padding, anything
		"g4d88612fea8a8f36de82e1278abb02f":             None,
		"":                                             None,
	} {
		if got := HashKind([]byte(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestGuess(t *testing.T) {
	for in, want := range map[string]Kind{
		"203.0.113.7:443":                      IP,
		"[2001:db8::1]":                        IP,
		"evil.example":                         Domain,
		"http://evil.example/x":                URL,
		"44D88612FEA8A8F36DE82E1278ABB02F":     MD5,
		"bob@evil.example":                     Email,
		"cve-2021-44228":                       CVE,
		"t13d1516h2_8daaf6152771_e5627efa2ab1": JA4,
		"31:0D:EF:9D:3E:42:91:0E:5A:6B:B7:70:6E:10:91:0A:C1:77:B5:60": X509SHA1,
		`HKEY_LOCAL_MACHINE\SOFTWARE\x`:                               Regkey,
		`\\.\pipe\lsass`:                                              NamedPipe,
		"Mozilla/5.0 (X11)":                                           UserAgent,
		`C:\Windows\evil.exe`:                                         Filename,
		"evil.exe":                                                    Filename,
		"http://intranet/x":                                           None,
		"hello":                                                       None,
		"%":                                                           None,
		"":                                                            None,
	} {
		if got := Guess([]byte(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
