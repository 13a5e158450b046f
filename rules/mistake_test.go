package rules

import (
	"strings"
	"testing"
)

// What is no rule file may hold a secret: nothing of it is told.
func TestNoRuleFile(t *testing.T) {
	const none = "it is no rule file: want version and rules, see docs/rules.md"
	tests := []struct{ name, src, want string }{
		{"a key", "demoUserKey0123456789012345678901234567890\n", none},
		{"a quoted key", "\"demoUserKey\"\n", none},
		{"a list", "- demoUserKey\n", none},
		{"accounts", "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/false\n", none},
		{"variables", "MISP_API_KEY=demoUserKey\n", none},
		{"another mapping", "api_key: demoUserKey\n", none},
		{"another flow mapping", "{api_key: demoUserKey}\n", none},
		{"a key of another case", "Version: demoUserKey\n", none},
		{"a key twice", "api_key: demoUserKey\napi_key: demoUserKey\n", none},
		{"two documents", "api_key: demoUserKey\n---\napi_key: demoUserKey\n", none},
		{"no YAML", "demoUserKey: [\n", none},
		{"no YAML, with a word of ours", "[ demoUserKey, version: 1\n rules: {\n", none},
		{"a certificate", "-----BEGIN PRIVATE KEY-----\ndemoUserKey\n-----END PRIVATE KEY-----\n", none},
		{"an anchor", "&demoUserKey\nversion: 1\n", none},
		{"not text", "\x00demoUserKey\xff\r\x1b[31m", none},
		{"a comment", "# demoUserKey\n", "the file is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("misp.key", []byte(test.src))
			if want := "misp.key:1:1: " + test.want; err == nil || err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

func TestMistakeString(t *testing.T) {
	long := strings.Repeat("a", 1000) + "|" + strings.Repeat("b", 1000)
	as, bs := strings.Repeat("a", 99), strings.Repeat("b", 98)
	tests := []struct {
		name string
		in   Mistake
		want string
	}{
		{"tabs", Mistake{"f", 2, 3, "\ta:\tb", "wrong"}, "f:2:3: wrong\n    \ta:\tb\n    \t ^"},
		{"behind the end", Mistake{"f", 1, 9, "a", "wrong"}, "f:1:9: wrong\n    a\n     ^"},
		{"no source", Mistake{"f", 1, 1, "", "wrong"}, "f:1:1: wrong"},
		{"control characters", Mistake{"f", 1, 3, "\x1b\u009bä", "\x1b[31m wrong\n"}, "f:1:3: .[31m wrong.\n    ..ä\n      ^"},
		{"a long line", Mistake{"f", 1, 1001, long, "wrong"},
			"f:1:1001: wrong\n    …" + as + "|" + bs + "…\n    " + strings.Repeat(" ", 100) + "^"},
		{"its beginning", Mistake{"f", 1, 1, long, "wrong"}, "f:1:1: wrong\n    " + strings.Repeat("a", 199) + "…\n    ^"},
		{"its end", Mistake{"f", 1, 2001, long, "wrong"},
			"f:1:2001: wrong\n    …" + strings.Repeat("b", 199) + "\n    " + strings.Repeat(" ", 199) + "^"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.in.String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
