package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	block   = regexp.MustCompile("(?ms)^```.*?^```")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	goal    = regexp.MustCompile("(?:^|[`;&] *|^\\$ )make ([a-z][a-z0-9-]*)")
)

// anchor returns what GitHub calls a heading in links.
func anchor(heading string) string {
	return strings.ReplaceAll(regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// pages returns the Markdown files of the repository.
func pages(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "build"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			files = append(files, strings.TrimPrefix(path, "../"))
		}
		return err
	})
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	return files
}

// Every link within the repository leads somewhere, and every target of make
// that is named is there.
func TestLinks(t *testing.T) {
	makefile := read(t, "../Makefile")
	for _, page := range pages(t) {
		text := read(t, filepath.Join("..", page))
		for _, found := range link.FindAllStringSubmatch(code.ReplaceAllString(block.ReplaceAllString(text, ""), ""), -1) {
			target, at, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := filepath.Join("..", filepath.Dir(page), target)
			if target == "" {
				file = filepath.Join("..", page)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
				continue
			}
			if at == "" {
				continue
			}
			known := false
			for _, h := range heading.FindAllStringSubmatch(block.ReplaceAllString(read(t, file), ""), -1) {
				known = known || anchor(h[1]) == at
			}
			if !known {
				t.Errorf("%s links to %s, which has no such heading", page, found[1])
			}
		}
		for line := range strings.Lines(text) {
			for _, found := range goal.FindAllStringSubmatch(line, -1) {
				if !strings.Contains(makefile, "\n"+found[1]+":") {
					t.Errorf("%s names make %s, which is no target", page, found[1])
				}
			}
		}
	}
}
