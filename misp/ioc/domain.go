package ioc

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/weppos/publicsuffix-go/publicsuffix"
	"golang.org/x/net/idna"
)

const (
	maxName  = 253
	maxLabel = 63
)

// appendDomain takes the name of a host or domain of the public DNS. A public
// suffix itself is refused: everybody's names are under it.
func appendDomain(dst, raw []byte) ([]byte, Reason) {
	dst, suffix, reason := appendName(dst, raw)
	if reason == OK && suffix == 0 {
		return dst, PublicSuffix
	}
	return dst, reason
}

// appendName takes a name of the public DNS, public suffixes included, for a
// URL or an address can have one as its host. It makes the lower case, without
// the dot at the end, of a name in ASCII, and punycode of any other. It also
// returns where in the name its public suffix starts.
//
// Names in punycode are taken as they are: decoding them would tell nothing
// that MISP needs.
func appendName(dst, raw []byte) (out []byte, suffix int, reason Reason) {
	raw = bytes.TrimSuffix(raw, []byte("."))
	if len(raw) == 0 {
		return dst, 0, Malformed
	}
	if len(raw) > maxName {
		return dst, 0, TooLong
	}
	start := len(dst)
	dst = append(dst, raw...)
	name := dst[start:]
	from, digits := 0, true // where the label starts, and whether it is a number
	masked := true          // all of it is x, as in XX.XX.XX.XX
	for i, c := range name {
		c = nameByte[c]
		switch {
		case c == 0:
			return appendIDN(dst[:start], raw)
		case c != '.':
			digits = digits && isDigit(c)
			masked = masked && c == 'x'
		case i == from || i-from > maxLabel:
			return dst, 0, Malformed
		default:
			from, digits = i+1, true
		}
		name[i] = c
	}
	if from == 0 {
		return dst, 0, NotPublic
	}
	if from == len(name) || len(name)-from > maxLabel || digits {
		return dst, 0, Malformed
	}
	if masked {
		return dst, 0, NoValue
	}
	suffix, reason = registrable(view(name))
	return dst, suffix, reason
}

// nameByte maps what may stand in a name to its lower case, all else to 0.
// DNS has underscores in names that are not hosts', such as _dmarc.
var nameByte = func() (table [256]byte) {
	for c := range len(table) {
		if c := byte(c); isAlnum(c) || c == '-' || c == '_' || c == '.' {
			table[c] = lower(c)
		}
	}
	return table
}()

// registrable checks that a name in lower case is under a public suffix, or is
// one, and that a registrar would take the label below it. It returns where
// the suffix starts.
func registrable(name string) (suffix int, reason Reason) {
	suffix = publicSuffix(name)
	if suffix < 0 {
		return 0, NotPublic
	}
	from := suffix
	if suffix > 0 {
		from = labelBefore(name, suffix-1)
		if name[from] == '-' || name[suffix-2] == '-' {
			return 0, Malformed
		}
	}
	if strings.IndexByte(name[from:], '_') >= 0 {
		return 0, Malformed
	}
	return suffix, OK
}

// idnaLookup maps like a browser does, but leaves underscores and hyphens to
// the checks of ASCII names.
var idnaLookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// appendIDN takes a name that is not in ASCII. It may allocate.
func appendIDN(dst, raw []byte) (out []byte, suffix int, reason Reason) {
	if isASCII(raw) || !utf8.Valid(raw) || bytes.ContainsRune(raw, utf8.RuneError) {
		return dst, 0, Malformed
	}
	name, err := idnaLookup.ToASCII(string(raw))
	if err != nil {
		return dst, 0, Malformed
	}
	if raw = []byte(name); !isASCII(raw) {
		return dst, 0, Malformed
	}
	return appendName(dst, raw)
}

// suffixList is the public suffix list with its private section. Its search
// costs no allocation, unlike that of x/net/publicsuffix.
var suffixList, suffixOptions = publicsuffix.DefaultList, &publicsuffix.FindOptions{}

// publicSuffix returns where the public suffix of a name in lower case starts:
// 0 if the name is one, -1 if it has none. The names that RFC 2606 reserves
// for tests and examples count as public, those under .arpa do not.
func publicSuffix(name string) int {
	labels := 1
	switch last := name[labelBefore(name, len(name)):]; last {
	case "example", "test":
	case "arpa":
		return -1
	default:
		rule := suffixList.Find(name, suffixOptions)
		if rule == nil {
			return -1
		}
		labels = rule.Length
		if rule.Type == publicsuffix.ExceptionType {
			labels--
		}
	}
	at := len(name) + 1
	for range labels {
		at = labelBefore(name, at-1)
	}
	return at
}

// labelBefore returns where the label that ends at end starts.
func labelBefore(name string, end int) int {
	for end > 0 && name[end-1] != '.' {
		end--
	}
	return end
}
