package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"
)

var (
	// A block that is a file: the text before it ends with "in `NAME`:" or "is `NAME`:".
	file = regexp.MustCompile("(?ms)(?:in|is|In) `([a-z.-]+)`:\n\n```[a-z]*\n(.*?)^```$")
	// A block of commands, each with what it prints.
	console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	command = regexp.MustCompile(`(?m)^\$ mispctl (.*)\n((?:[^$].*\n|\n)*)`)
)

// What the documentation says that mispctl prints, it prints. The MISP of the
// commands that ask one is that of mispctl serve.
func TestDocs(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	misp := httptest.NewServer(misptest.New(misptest.Sample()))
	defer misp.Close()
	ran := 0
	for _, doc := range append(docs, "../../README.md") {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(doc), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, f := range file.FindAllSubmatch(text, -1) {
				if err := os.WriteFile(string(f[1]), f[2], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, block := range console.FindAllSubmatch(text, -1) {
				for _, c := range command.FindAllSubmatch(block[1], -1) {
					var out bytes.Buffer
					t.Setenv("MISP_API_KEY", misptest.UserKey)
					args := strings.Fields(strings.ReplaceAll(string(c[1]), "https://misp.example", misp.URL))
					run(args, streams{strings.NewReader(""), &out, &out})
					ran++
					if got := strings.ReplaceAll(out.String(), misp.URL, "https://misp.example"); got != string(c[2]) {
						t.Errorf("mispctl %s prints\n%s\nand not\n%s", c[1], got, c[2])
					}
				}
			}
		})
	}
	if ran == 0 {
		t.Error("the documentation has no commands")
	}
}
