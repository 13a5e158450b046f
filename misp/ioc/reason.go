package ioc

// A Reason says why a value is no indicator of a kind; OK says that it is one.
type Reason uint8

const (
	OK           Reason = iota
	Empty               // nothing but space
	NoValue             // a stand-in: a word such as "-", a mask such as XX.XX, a hash of zeros
	Malformed           // not of the form of the kind
	TooLong             // longer than any value of the kind
	NotPrintable        // a control or non-ASCII character, which MISP's comparison may ignore
	Operator            // what MISP's search takes as an operator or a wildcard
	NotPublic           // a name outside the public DNS
	PublicSuffix        // a name under which others register theirs, such as co.uk
	NotAbsolute         // a path or the like, where a URL must have scheme and host
	numReasons
)

var reasons = [numReasons]string{
	OK:           "ok",
	Empty:        "empty",
	NoValue:      "no value",
	Malformed:    "malformed",
	TooLong:      "too long",
	NotPrintable: "not printable ASCII",
	Operator:     "an operator of MISP's search",
	NotPublic:    "not under a public suffix",
	PublicSuffix: "a public suffix itself",
	NotAbsolute:  "not an absolute URL of a network scheme",
}

// String returns the reason in words that stay the same.
func (r Reason) String() string {
	if r >= numReasons {
		return "unknown"
	}
	return reasons[r]
}
