// Package ioc knows the kinds of indicator of compromise: what a log may write
// for one, the one canonical text that stands for it, and where MISP keeps it.
//
// A value comes from a log line, so an attacker may have chosen it. MISP's
// search gives a meaning to some characters and answers some values with all
// that it has. So an [Indicator] can only be made here, by [Buffer.Add] and
// what builds on it, and whatever has no canonical form is rejected with a
// [Reason]. This package neither reads logs nor talks to MISP.
package ioc

import "fmt"

// A Kind says what an indicator is. The zero Kind is none.
type Kind uint8

// The kinds, in the order in which they are listed to users.
const (
	None Kind = iota
	IP
	Domain
	URL
	MD5
	SHA1
	SHA256
	SHA512
	Imphash
	JA3
	JA4
	X509SHA1
	Email
	Filename
	UserAgent
	Regkey
	NamedPipe
	CVE
	NumKinds // how many there are, None among them
)

// String returns the name that rules, reports and metrics use.
func (k Kind) String() string {
	if k >= NumKinds {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return kinds[k].name
}

// Types returns the MISP attribute types that can hold an indicator of this
// kind, composites included. The slice is shared: do not change it.
func (k Kind) Types() []Type { return kinds[k].types }

// ParseKind returns the kind of that name.
func ParseKind(name string) (Kind, error) {
	for k := None + 1; k < NumKinds; k++ {
		if kinds[k].name == name {
			return k, nil
		}
	}
	return None, fmt.Errorf("no kind of indicator is called %q", name)
}

// Kinds returns every kind, without None.
func Kinds() []Kind {
	all := make([]Kind, 0, NumKinds-1)
	for k := None + 1; k < NumKinds; k++ {
		all = append(all, k)
	}
	return all
}

// A Type is a MISP attribute type, and the part of its value that a kind may
// match: MISP joins the parts of a composite type with "|".
type Type struct {
	Name string
	Part Part
}

// A Part is a place in the value of a MISP attribute.
type Part uint8

const (
	Whole  Part = iota // the value is not a composite
	First              // before the "|"
	Second             // after the "|"
)
