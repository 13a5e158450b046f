package ioc

import (
	"bytes"
	"strings"
	"unsafe"
)

// Host returns the host of a URL, as an indicator of kind IP or Domain. The
// Reason is not OK if the host is a public suffix; a URL can have one.
func (b *Buffer) Host(url Indicator) (Indicator, Reason) {
	if url.Kind() != URL {
		return Indicator{}, Malformed
	}
	parts, _ := splitURL(bytesOf(url.Value()))
	return b.addHost(parts.host)
}

// HostOf is Host for a URL as a log has it, which may be no indicator itself:
// what makes its path unfit to be searched for says nothing of its host.
func (b *Buffer) HostOf(raw []byte) (Indicator, Reason) {
	parts, ok := splitURL(trim(raw))
	if !ok || !isNetworkScheme(bytes.ToLower(parts.scheme)) {
		return Indicator{}, NotAbsolute
	}
	return b.addHost(parts.host)
}

// addHost makes an indicator of the host of a URL.
func (b *Buffer) addHost(host []byte) (Indicator, Reason) {
	if addr, reason := b.Add(IP, host); reason == OK {
		return addr, OK
	}
	return b.Add(Domain, host)
}

// MaxParents bounds the parents of a domain that [Buffer.Parents] makes.
const MaxParents = 8

// Parents appends the parents of a domain to dst, nearest first, up to the
// registrable domain, which is one label below a public suffix and has none
// itself. Of a name that has more than MaxParents they are the last ones.
func (b *Buffer) Parents(dst []Indicator, domain Indicator) []Indicator {
	if domain.Kind() != Domain {
		return dst
	}
	name := domain.Value()
	suffix := publicSuffix(name)
	for skip := strings.Count(name[:max(suffix-1, 0)], ".") - MaxParents; ; skip-- {
		up := strings.IndexByte(name, '.') + 1
		if suffix -= up; suffix <= 0 {
			return dst
		}
		name = name[up:]
		if skip <= 0 && strings.Trim(name, "x.") != "" { // all x is a mask, not a name
			start := len(b.text)
			b.text = append(append(b.text, byte(Domain)), name...)
			key := b.text[start:]
			dst = append(dst, Indicator{unsafe.String(unsafe.SliceData(key), len(key))})
		}
	}
}

// bytesOf returns text as bytes that must not be written to.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
