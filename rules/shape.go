package rules

import (
	"bytes"
	"encoding/hex"

	"fluent-bit-misp/misp/ioc"
)

// A shape is a way to take a value apart; its zero value is that the whole
// value is one indicator of a kind.
type shape uint8

const (
	plain shape = iota
	joinedURL
	agentAddress
	hash
	hashes
	host
	anyKind
	webAddress
	dnsQuestion
	dnsResults
	dnsAnswers
	zoneIdentifier
	command
	text
)

var shapes = [...]struct {
	name string // in rules; none for those that a kind's name stands for
	take func(x *Extraction, t *taking, raw []byte)
}{
	plain:          {"", func(x *Extraction, t *taking, raw []byte) { x.add(t.kind, raw) }},
	joinedURL:      {"", takeURL},
	agentAddress:   {"", takeAgent},
	hash:           {"hash", takeHash},
	hashes:         {"hashes", takeHashes},
	host:           {"host", takeHost},
	anyKind:        {"any", func(x *Extraction, _ *taking, raw []byte) { x.add(ioc.Guess(raw), raw) }},
	webAddress:     {"web-address", takeWebAddress},
	dnsQuestion:    {"dns-question", takeQuestion},
	dnsResults:     {"dns-results", takeResults},
	dnsAnswers:     {"dns-answers", takeAnswers},
	zoneIdentifier: {"zone-identifier", takeZone},
	command:        {"command", takeCommand},
	text:           {"text", func(x *Extraction, _ *taking, raw []byte) { x.addText(raw) }},
}

// takeAgent learns the address of the agent.
func takeAgent(x *Extraction, _ *taking, raw []byte) { x.Agents.Learn(raw) }

func takeHash(x *Extraction, _ *taking, raw []byte) { x.add(ioc.HashKind(raw), raw) }

// takeHashes takes the hashes of "SHA1=..,MD5=..".
func takeHashes(x *Extraction, t *taking, raw []byte) {
	for len(raw) > 0 {
		var part []byte
		part, raw, _ = bytes.Cut(raw, comma)
		name, value, named := bytes.Cut(bytes.TrimSpace(part), equals)
		switch {
		case !named:
			takeHash(x, t, name)
		case foldsTo(name, "md5"):
			x.add(ioc.MD5, value)
		case foldsTo(name, "sha1"):
			x.add(ioc.SHA1, value)
		case foldsTo(name, "sha256"):
			x.add(ioc.SHA256, value)
		case foldsTo(name, "sha512"):
			x.add(ioc.SHA512, value)
		case foldsTo(name, "imphash"):
			x.add(ioc.Imphash, value)
		}
	}
}

func takeHost(x *Extraction, _ *taking, raw []byte) {
	if addr, reason := ioc.ParseAddr(raw); reason == ioc.OK {
		x.addAddr(addr, raw)
		return
	}
	if name, port, ok := bytes.Cut(raw, colon); ok && isDigits(port) {
		raw = name
	}
	x.add(ioc.Domain, raw)
}

// takeURL takes a URL as it is, and joins a path with its host.
func takeURL(x *Extraction, t *taking, raw []byte) {
	if t.host < 0 || isAbsolute(raw) {
		x.add(ioc.URL, raw)
		return
	}
	name := x.host
	if len(name) == 0 || len(raw) == 0 || raw[0] != '/' {
		x.reject(raw, "a path without its host")
		return
	}
	url := append(x.scratch[:0], t.scheme...)
	url = append(url, "://"...)
	url = append(url, name...)
	if port := x.port; isPort(port, t.scheme) && bytes.IndexByte(name, ':') < 0 {
		url = append(url, ':')
		url = append(url, port...)
	}
	url = append(url, raw...)
	x.scratch = url
	x.add(ioc.URL, url)
}

// isAbsolute reports whether a URL begins with a scheme; a path may well have
// another URL in it.
func isAbsolute(raw []byte) bool {
	at := bytes.Index(raw, schemeEnd)
	return at > 0 && !bytes.ContainsAny(raw[:at], "/?#")
}

// isPort reports whether text is a port that a URL of the scheme has to name;
// Suricata writes 0 where it saw none.
func isPort(text []byte, scheme string) bool {
	switch string(text) {
	case "0":
		return false
	case "80":
		return scheme != "http"
	case "443":
		return scheme != "https"
	}
	return isDigits(text)
}

// takeWebAddress takes what proxies and firewalls call a URL: often without
// its scheme, a host alone then ending in a slash. A bare name is a file's.
func takeWebAddress(x *Extraction, _ *taking, raw []byte) {
	if isAbsolute(raw) {
		x.add(ioc.URL, raw)
		return
	}
	slash := bytes.IndexByte(raw, '/')
	switch {
	case slash <= 0:
		x.reject(raw, "a bare name: of a file, or of a host")
	case slash == len(raw)-1:
		takeHost(x, nil, raw[:slash])
	default:
		x.scratch = append(append(x.scratch[:0], "http://"...), raw...)
		x.add(ioc.URL, x.scratch)
	}
}

// takeQuestion takes a queried name, alone or at the end of a sentence.
func takeQuestion(x *Extraction, _ *taking, raw []byte) {
	if hasPrefixFold(raw, "class ") {
		raw = bytes.TrimSpace(raw[bytes.LastIndexByte(raw, ',')+1:])
	}
	x.add(ioc.Domain, raw)
}

// takeResults takes "type:  5 name;::ffff:192.0.2.1;".
func takeResults(x *Extraction, t *taking, raw []byte) {
	for len(raw) > 0 {
		var part []byte
		part, raw, _ = bytes.Cut(raw, semicolon)
		part = bytes.TrimSpace(part)
		if hasPrefixFold(part, "type:") {
			part = bytes.TrimLeft(part[len("type:"):], " 0123456789")
		}
		if len(part) > 0 {
			takeHost(x, t, part)
		}
	}
}

// takeAnswers takes addresses and aliases from resource records as a zone file
// has them, one a line: "name. 300 IN a 192.0.2.1". A line of one word is taken
// as it is.
func takeAnswers(x *Extraction, t *taking, raw []byte) {
	for line := range bytes.Lines(raw) {
		line = bytes.TrimSpace(line)
		last := bytes.LastIndexAny(line, " \t")
		kind := bytes.TrimSpace(line[:max(last, 0)])
		kind = kind[bytes.LastIndexAny(kind, " \t")+1:]
		if last < 0 || foldsTo(kind, "a") || foldsTo(kind, "aaaa") || foldsTo(kind, "cname") {
			takeHost(x, t, line[last+1:])
		}
	}
}

// takeZone takes the URLs of a Zone.Identifier stream.
func takeZone(x *Extraction, _ *taking, raw []byte) {
	for line := range bytes.FieldsSeq(raw) {
		name, value, _ := bytes.Cut(line, equals)
		if foldsTo(name, "hosturl") || foldsTo(name, "referrerurl") {
			x.add(ioc.URL, value)
		}
	}
}

// takeCommand takes what the arguments of a command say when they are read
// together; the audit system writes those with odd bytes in hex.
func takeCommand(x *Extraction, _ *taking, raw []byte) {
	line := x.scratch[:0]
	for i := x.value; i >= 0; i = x.fields.Next(i) {
		if len(line) > 0 {
			line = append(line, ' ')
		}
		line = appendArgument(line, x.fields.Text(i))
	}
	x.scratch = line
	x.addText(line)
}

func appendArgument(dst, arg []byte) []byte {
	n := len(dst)
	if len(arg) >= 8 && len(arg)%2 == 0 && bytes.ContainsAny(arg, "0123456789") && isUpperHex(arg) {
		if decoded, err := hex.AppendDecode(dst, arg); err == nil && isPrintable(decoded[n:]) {
			return decoded
		}
	}
	return append(dst[:n], arg...)
}

func isUpperHex(text []byte) bool {
	for _, b := range text {
		if (b < '0' || b > '9') && (b < 'A' || b > 'F') {
			return false
		}
	}
	return true
}

func isPrintable(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\t' && b != '\n' || b > '~' {
			return false
		}
	}
	return true
}

func isDigits(text []byte) bool {
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(text) > 0
}

func foldsTo(text []byte, word string) bool {
	return len(text) == len(word) && hasPrefixFold(text, word)
}

var (
	comma     = []byte(",")
	colon     = []byte(":")
	semicolon = []byte(";")
	equals    = []byte("=")
	schemeEnd = []byte("://")
)
