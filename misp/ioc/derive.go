package ioc

import (
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
	if host, reason := b.Add(IP, parts.host); reason == OK {
		return host, OK
	}
	return b.Add(Domain, parts.host)
}

// Parent returns the domain one label up from domain. The registrable domain,
// which is one label below a public suffix, has no parent.
func (b *Buffer) Parent(domain Indicator) (Indicator, bool) {
	if domain.Kind() != Domain {
		return Indicator{}, false
	}
	name := domain.Value()
	up := strings.IndexByte(name, '.') + 1
	if up == publicSuffix(name) {
		return Indicator{}, false
	}
	parent, reason := b.Add(Domain, bytesOf(name[up:]))
	return parent, reason == OK
}

// bytesOf returns text as bytes that must not be written to.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
