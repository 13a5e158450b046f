package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Mistake is something in a rule file that is not as it must be.
type Mistake struct {
	File    string // the name that Parse was given
	Line    int    // from 1
	Column  int    // from 1, in characters
	Source  string // the text of that line, "" if it is not to be shown
	Message string
}

// most is how many characters of a line are shown.
const most = 200

// String returns the place and the message on one line, then the line of the
// file, or of a long one what is around the place, with a caret below the place.
func (m Mistake) String() string {
	message := fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, strings.Map(visible, m.Message))
	if m.Source == "" {
		return message
	}
	// Tabs are kept, so that the caret stands right whatever their width.
	tabs := func(r rune) rune {
		if r == '\t' {
			return r
		}
		return visible(r)
	}
	line, lead := around([]rune(strings.Map(tabs, m.Source)), m.Column-1)
	blank := func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}
	return fmt.Sprintf("%s\n    %s\n    %s^", message, string(line), strings.Map(blank, string(line[:lead])))
}

// around returns what is shown of a line, and where in it the place is.
func around(line []rune, at int) ([]rune, int) {
	at = min(at, len(line))
	start := max(0, min(at-most/2, len(line)-most))
	end := min(start+most, len(line))
	shown := slices.Clone(line[start:end])
	if start > 0 {
		shown[0] = '…'
	}
	if end < len(line) {
		shown[len(shown)-1] = '…'
	}
	return shown, at - start
}

// visible returns a dot for what a terminal would obey.
func visible(r rune) rune {
	if unicode.IsControl(r) {
		return '.'
	}
	return r
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
