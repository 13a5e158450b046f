package fluentbit

import (
	"regexp"
	"slices"
	"strings"
)

var (
	part    = regexp.MustCompile(`(?m)^# \[[A-Z]+\]\n(?:# {5}.*\n)+|^ +# - name: .*\n(?: +# {3}.*\n)+`)
	name    = regexp.MustCompile(`(?mi)^[ #-]+name:? +(\w+)$`)
	library = regexp.MustCompile(`(?m)^( +)# (.*/out_misp\.so)$`)
	comment = regexp.MustCompile(`(?m)^( *)# `)
)

// Parts returns the names of the plugins in the sections of an example that
// are off, which is to say comments.
func Parts(example string) []string {
	var names []string
	for _, section := range part.FindAllString(example, -1) {
		names = append(names, name.FindStringSubmatch(section)[1])
	}
	return names
}

// SwitchOn makes sections of these sections that are off.
func SwitchOn(example string, names ...string) string {
	if slices.Contains(names, "misp") {
		example = library.ReplaceAllString(example, "$1$2")
	}
	return part.ReplaceAllStringFunc(example, func(section string) string {
		if !slices.Contains(names, name.FindStringSubmatch(section)[1]) {
			return section
		}
		return strings.TrimRight(comment.ReplaceAllString(section, "$1"), " ")
	})
}
