package rules

import (
	"fmt"
	"strings"
)

// A Mistake is something in a rule file that is not as it must be.
type Mistake struct {
	File    string // the name that Parse was given
	Line    int    // from 1
	Column  int    // from 1, in characters
	Source  string // the text of that line
	Message string
}

// String returns the place and the message on one line, then the line of the
// file with a caret below the place.
func (m Mistake) String() string {
	// Tabs are kept, so that the caret stands right whatever their width.
	lead := []rune(m.Source)
	if m.Column-1 < len(lead) {
		lead = lead[:m.Column-1]
	}
	for i, r := range lead {
		if r != '\t' {
			lead[i] = ' '
		}
	}
	return fmt.Sprintf("%s:%d:%d: %s\n    %s\n    %s^",
		m.File, m.Line, m.Column, m.Message, m.Source, string(lead))
}

// Mistakes is the error of Parse and Compile: all that is wrong, in the order
// of the file.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}
