package rules

import (
	"fmt"
	"testing"
)

// alerts of the usual kinds, as Wazuh writes them.
var benchmarks = []struct{ name, event string }{
	{"sshd", `{"timestamp":"2026-01-15T10:00:00.000+0000","rule":{"level":5,"description":"sshd: authentication failed.","id":"5760",
		"groups":["syslog","sshd","authentication_failed"]},"agent":{"id":"003","name":"web-1","ip":"10.0.0.3"},"manager":{"name":"wazuh"},
		"full_log":"Failed password for root from 203.0.113.7 port 4242 ssh2","decoder":{"name":"sshd","parent":"sshd"},
		"data":{"srcip":"203.0.113.7","srcport":"4242","dstuser":"root"},"location":"journald"}`},
	{"sysmon", `{"rule":{"level":3,"groups":["sysmon","sysmon_eid1_detections","windows"]},"agent":{"id":"005","name":"pc-5","ip":"10.0.0.5"},
		"decoder":{"name":"windows_eventchannel"},"data":{"win":{"system":{"providerName":"Microsoft-Windows-Sysmon","eventID":"1",
		"channel":"Microsoft-Windows-Sysmon/Operational","computer":"pc-5.corp.example"},"eventdata":{"image":"C:\\\\Windows\\\\System32\\\\cmd.exe",
		"commandLine":"cmd.exe /c whoami","hashes":"SHA1=99AE9C73E9BEE6F9C76D6F4093A9882DF06832CF,MD5=F4F684066175B77E0C3A000549D2922C,SHA256=935C1861DF1F4018D698E8B65ABFA02D7E9037D8F68CA3C2065B6CA165D44AD2,IMPHASH=3062ED732D4B25D1C64F084DAC97D37A",
		"parentImage":"C:\\\\Windows\\\\explorer.exe"}}},"location":"EventChannel"}`},
	{"suricata", `{"rule":{"level":3,"groups":["ids","suricata"]},"agent":{"id":"007","name":"ids-1","ip":"10.0.0.7"},"decoder":{"name":"json"},
		"data":{"event_type":"alert","src_ip":"10.1.2.3","src_port":"50123","dest_ip":"198.51.100.9","dest_port":"80","proto":"TCP",
		"alert":{"signature":"ET MALWARE"},"http":{"hostname":"files.evil.example","url":"/a/b.bin","http_port":"80","http_refer":"http://www.evil.example/"}}}`},
	{"nothing", `{"rule":{"level":3,"groups":["syslog","sudo"]},"agent":{"id":"003","name":"web-1","ip":"10.0.0.3"},"decoder":{"name":"sudo","parent":"sudo"},
		"data":{"srcuser":"alice","dstuser":"root","tty":"pts/0","pwd":"/home/alice","command":"/usr/bin/apt update"},"location":"/var/log/auth.log"}`},
	{"private", `{"rule":{"level":5,"groups":["syslog","sshd"]},"agent":{"id":"003","name":"web-1","ip":"10.0.0.3"},"decoder":{"name":"sshd","parent":"sshd"},
		"data":{"srcip":"10.9.8.7","srcport":"4242"},"location":"journald"}`},
}

func BenchmarkExtract(b *testing.B) {
	for _, bench := range benchmarks {
		b.Run(bench.name, func(b *testing.B) {
			benchmarkExtract(b, defaults(b, Options{}), bench.event)
		})
	}
	b.Run("sshd and 200 rules more", func(b *testing.B) {
		benchmarkExtract(b, withMoreRules(b), benchmarks[0].event)
	})
}

func benchmarkExtract(b *testing.B, s *Set, event string) {
	var x Extraction
	f := fieldsOf(b, s, event)
	b.ReportAllocs()
	for b.Loop() {
		x.Reset()
		s.Extract(f, &x)
	}
}

// withMoreRules returns the default set with 200 rules on paths that it has,
// none of which holds for the benchmarks.
func withMoreRules(t testing.TB) *Set {
	t.Helper()
	src := "version: 1\nrules:\n"
	for i := range 200 {
		src += fmt.Sprintf("  - {name: more-%d, when: {rule.groups: group-%d, decoder.name: decoder-%d}, lookup: [{field: data.srcip, type: ip}]}\n", i, i, i)
	}
	more, err := Parse("more.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	wazuh, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(Options{}, wazuh, more)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
