package rules

import (
	"slices"
	"strings"
	"testing"
)

func TestShapes(t *testing.T) {
	const md5, sha1, imphash = "f4f684066175b77e0c3a000549d2922c", "99ae9c73e9bee6f9c76d6f4093a9882df06832cf", "3062ed732d4b25d1c64f084dac97d37a"
	const sha256 = "935c1861df1f4018d698e8b65abfa02d7e9037d8f68ca3c2065b6ca165d44ad2"
	tests := []struct {
		kind, value string
		want        []string
	}{
		{"hash", strings.ToUpper(sha1), []string{"sha1 " + sha1}},
		{"hash", sha256, []string{"sha256 " + sha256}},
		{"hash", md5 + md5 + md5 + md5, []string{"sha512 " + md5 + md5 + md5 + md5}},
		{"hash", "sha1_value", nil},

		{"hashes", "SHA1=" + sha1 + ",MD5=" + strings.ToUpper(md5) + ",IMPHASH=" + imphash, []string{"sha1 " + sha1, "md5 " + md5, "imphash " + imphash}},
		{"hashes", "imphash=" + imphash + ", sha256=" + sha256, []string{"imphash " + imphash, "sha256 " + sha256}},
		{"hashes", "MD5=" + md5, []string{"md5 " + md5}},
		{"hashes", md5, []string{"md5 " + md5}},
		{"hashes", "IMPHASH=00000000000000000000000000000000,MD5=,SHA1", nil},
		{"hashes", "MD5=" + sha1 + ",CRC=" + md5 + ",=" + md5, nil},
		{"hashes", ",,=,", nil},
		{"hashes", "-", nil},

		{"host", "203.0.113.1", []string{"ip 203.0.113.1"}},
		{"host", "[2001:db8::1]:443", []string{"ip 2001:db8::1"}},
		{"host", "WWW.Evil.Example:8080", []string{"domain www.evil.example", "domain evil.example (parent)"}},
		{"host", "evil.example:http", nil},
		{"host", "server-1", nil},
		{"host", "", nil},

		{"any", "203.0.113.1", []string{"ip 203.0.113.1"}},
		{"any", "evil.example", []string{"domain evil.example"}},
		{"any", md5, []string{"md5 " + md5}},
		{"any", "what is this", nil},

		{"url", "http://evil.example/A?b", []string{"url http://evil.example/A?b", "domain evil.example (host)"}},
		{"url", "/a", nil},

		{"web-address", "https://evil.example/a", []string{"url https://evil.example/a", "domain evil.example (host)"}},
		{"web-address", "evil.example/a", []string{"url http://evil.example/a", "domain evil.example (host)"}},
		{"web-address", "203.0.113.1:8080/a", []string{"url http://203.0.113.1:8080/a", "ip 203.0.113.1 (host)"}},
		{"web-address", "evil.example/", []string{"domain evil.example"}},
		{"web-address", "203.0.113.1:8080/", []string{"ip 203.0.113.1"}},
		{"web-address", "invoice.zip", nil},
		{"web-address", "/index.html", nil},

		{"dns-answers", "a.example.\t300\tIN\tcname\tb.other.test.\nb.other.test.\t60\tIN\ta\t203.0.113.1", []string{"domain b.other.test", "domain other.test (parent)", "ip 203.0.113.1"}},
		{"dns-answers", "a.example. 300 IN AAAA 2001:db8::1", []string{"ip 2001:db8::1"}},
		{"dns-answers", "203.0.113.1", []string{"ip 203.0.113.1"}},
		{"dns-answers", "a.example. 300 IN mx 10 mail.example.\nb.example. IN txt x\n\n IN a", nil},

		{"dns-question", "www.evil.example.", []string{"domain www.evil.example", "domain evil.example (parent)"}},
		{"dns-question", "class IN, type AAAA, evil.example", []string{"domain evil.example"}},
		{"dns-question", "CLASS IN, evil.example", []string{"domain evil.example"}},
		{"dns-question", "class IN, type A, ", nil},
		{"dns-question", "class", nil},
		{"dns-question", "7.113.0.203.in-addr.arpa", nil},
		{"dns-question", "wpad", nil},

		{"dns-results", "type:  5 cdn.evil.example;::ffff:203.0.113.1;2001:db8::1;",
			[]string{"domain cdn.evil.example", "domain evil.example (parent)", "ip 203.0.113.1", "ip 2001:db8::1"}},
		{"dns-results", "type:  12 host.evil.example;type: 5 ;;", []string{"domain host.evil.example", "domain evil.example (parent)"}},
		{"dns-results", "203.0.113.1", []string{"ip 203.0.113.1"}},
		{"dns-results", "-", nil},

		{"zone-identifier", "[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://a.example/?x=1\r\nHOSTURL=https://b.example/y\r\n",
			[]string{"url https://a.example/?x=1", "domain a.example (host)", "url https://b.example/y", "domain b.example (host)"}},
		{"zone-identifier", "HostUrl=about:internet ReferrerUrl=C:\\a.zip HostUrl=", nil},
		{"zone-identifier", "https://a.example/", nil},

		{"text", "see hxxp://evil[.]example/x and 203.0.113[.]1", []string{"url http://evil.example/x", "domain evil.example (host)", "ip 203.0.113.1"}},
		{"text", "nothing here", nil},

		{"command", "curl http://evil.example/x", []string{"url http://evil.example/x", "domain evil.example (host)"}},
		{"filename", `C:\Temp\evil.exe`, []string{"filename evil.exe"}},
	}
	for _, test := range tests {
		s := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: f, type: "+test.kind+"}]}]")
		got := found(t, s, `{"f":`+quote(test.value)+`}`)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], "f ")
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s %q: found %q, want %q", test.kind, test.value, got, test.want)
		}
	}
}

func TestJoinedURL(t *testing.T) {
	plain := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: url, type: url, host: host, port: port}]}]")
	secure := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: url, type: url, host: host, port: port, scheme: https}]}]")
	tests := []struct {
		set         *Set
		event, want string
	}{
		{plain, `{"host":"Evil.Example","url":"/a?B"}`, "http://evil.example/a?B"},
		{plain, `{"url":"/a","host":["evil.example","other.example"]}`, "http://evil.example/a"},
		{plain, `{"host":"evil.example","url":"https://other.example/"}`, "https://other.example/"},
		{plain, `{"host":"evil.example","port":8080,"url":"/"}`, "http://evil.example:8080/"},
		{plain, `{"host":"evil.example","port":"80","url":"/"}`, "http://evil.example/"},
		{plain, `{"host":"evil.example","port":"443","url":"/"}`, "http://evil.example:443/"},
		{secure, `{"host":"evil.example","port":"443","url":"/"}`, "https://evil.example/"},
		{secure, `{"host":"evil.example","port":"80","url":"/"}`, "https://evil.example:80/"},
		{plain, `{"host":"evil.example","port":"0","url":"/"}`, "http://evil.example/"},
		{plain, `{"host":"evil.example","port":"http","url":"/"}`, "http://evil.example/"},
		{plain, `{"host":"evil.example:8080","port":"8081","url":"/"}`, "http://evil.example:8080/"},
		{plain, `{"host":"203.0.113.1","url":"/a"}`, "http://203.0.113.1/a"},
		{plain, `{"url":"/a"}`, ""},
		{plain, `{"host":"","url":"/a"}`, ""},
		{plain, `{"host":"evil.example","url":"*"}`, ""},
		{plain, `{"host":"evil.example","url":""}`, ""},
		{plain, `{"host":"server-1","url":"/a"}`, ""},
		{plain, `{"host":{"name":"x"},"url":"/a"}`, ""},
	}
	for _, test := range tests {
		got := ""
		if lines := found(t, test.set, test.event); lines != nil {
			got = strings.TrimPrefix(lines[0], "url url ")
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.event, got, test.want)
		}
	}
}

func TestCommand(t *testing.T) {
	s := compile(t, Options{}, "version: 1\nrules: [{name: r, lookup: [{field: a.*, type: command}]}]")
	tests := []struct{ event, want string }{
		{`{"a":{"a0":"curl","a1":"http://evil.example/x"}}`, "http://evil.example/x"},
		{`{"a":{"a0":"sh","a1":"687474703A2F2F6576696C2E6578616D706C652F79"}}`, "http://evil.example/y"},
		{`{"a":{"a0":"get","a1":"http://evil.example/?q=F4F684066175B77E0C3A000549D2922C"}}`, "http://evil.example/?q=F4F684066175B77E0C3A000549D2922C"},
		{`{"a":{"a0":"000102030405","a1":null,"a2":["x"]}}`, ""},
	}
	for _, test := range tests {
		got := ""
		if lines := found(t, s, test.event); lines != nil {
			got = strings.TrimPrefix(lines[0], "a.* url ")
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.event, got, test.want)
		}
	}
}

func TestEntities(t *testing.T) {
	const rules = "version: 1\nrules: [{name: r, lookup: [{fields: [data.win.eventdata.x, data.x], type: url}]}]"
	s := compile(t, Options{}, rules)
	got := found(t, s, `{"data":{"win":{"eventdata":{"x":"http://a.example/?a=1&amp;b=&apos;2&apos;&nbsp;&"}},"x":"http://b.example/?a=1&amp;b=2"}}`)
	want := []string{
		"data.win.eventdata.x url http://a.example/?a=1&b='2'&nbsp;&",
		"data.win.eventdata.x domain a.example (host)",
		"data.x url http://b.example/?a=1&amp;b=2",
		"data.x domain b.example (host)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
