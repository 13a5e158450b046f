package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"fluent-bit-misp/misp/ioc"
)

// The rule files in docs/rules.md are right, but for the one that shows
// mistakes, and its tables have every type and every modifier.
func TestDocs(t *testing.T) {
	src, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(src)
	base, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
		f, err := Parse("docs/rules.md", []byte(block[1]))
		if err == nil {
			_, err = Compile(Options{}, base, f)
		}
		if wrong := strings.Contains(block[1], "six"); (err != nil) != wrong {
			t.Errorf("%v in\n%s", err, block[1])
		}
	}
	var words []string
	for _, kind := range ioc.Kinds() {
		words = append(words, kind.String())
	}
	for _, shape := range shapes[hash:] {
		words = append(words, shape.name)
	}
	for word := range strings.FieldsFuncSeq(strings.ReplaceAll(modifiers, " and ", ","), func(r rune) bool { return r == ',' || r == ' ' }) {
		words = append(words, word)
	}
	for _, word := range words {
		if !regexp.MustCompile("(?m)^\\| [^|]*`" + regexp.QuoteMeta(word) + "`").MatchString(doc) {
			t.Errorf("no table of docs/rules.md has %s", word)
		}
	}
}
