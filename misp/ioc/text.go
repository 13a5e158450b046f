package ioc

import (
	"bytes"
	"strings"
)

// Text calls found for every indicator in free text, in the order of the
// text: URLs, IP addresses, domains, file hashes and e-mail addresses, also
// where they were made harmless for reading (see [Refang]). One that stands
// there twice is found twice. The text is read in one pass; found may use b,
// but for Text itself.
//
// Free text has much that only looks like a domain or an address: files,
// properties of objects, versions. What the surroundings give away as such is
// left out: Text would rather miss a domain than take a file for one.
func (b *Buffer) Text(raw []byte, found func(Indicator)) {
	b.free = appendRefanged(b.free[:0], raw)
	s := textScan{b, b.free, found}
	for i := 0; i < len(s.text); {
		if !wordByte[s.text[i]] {
			i++
			continue
		}
		end := i
		for end < len(s.text) && wordByte[s.text[end]] {
			end++
		}
		if s.text[end-1] == ':' && bytes.HasPrefix(s.text[end:], []byte("//")) {
			end = s.url(i, end)
		} else {
			s.word(i, end)
		}
		i = end
	}
}

// wordByte says what a word consists of. A word that is not in ASCII is kept
// together, so that no part of it is taken for a name.
var wordByte = func() (table [256]bool) {
	for c := range len(table) {
		c := byte(c)
		table[c] = isAlnum(c) || c >= 0x80 || strings.IndexByte(".-_@+:", c) >= 0
	}
	return table
}()

type textScan struct {
	b     *Buffer
	text  []byte
	found func(Indicator)
}

// add reports text as an indicator of kind k if it is one.
func (s *textScan) add(k Kind, text []byte) bool {
	indicator, reason := s.b.Add(k, text)
	if reason == OK {
		s.found(indicator)
	}
	return reason == OK
}

// url takes the URL whose scheme ends at colon, its ":" included, and starts
// at start or later. It returns the end of the URL.
func (s *textScan) url(start, colon int) int {
	from := colon - 1
	for from > start && (isAlnum(s.text[from-1]) || s.text[from-1] == '+') {
		from--
	}
	end := colon
	var open [2]int // of ( and [
scan:
	for ; end < len(s.text); end++ {
		switch c := s.text[end]; c {
		case '"', '\'', '`', '<', '>', '{', '}', '|', '\\', '^', ';':
			break scan
		case '&':
			if bytes.HasPrefix(s.text[end:], []byte("&&")) {
				break scan
			}
		case '(':
			open[0]++
		case '[':
			open[1]++
		case ')':
			if open[0]--; open[0] < 0 {
				break scan
			}
		case ']':
			if open[1]--; open[1] < 0 {
				break scan
			}
		default:
			if c <= ' ' || c > '~' {
				break scan
			}
		}
	}
	s.add(URL, bytes.TrimRight(s.text[from:end], ".,:!?*&"))
	return end
}

// word takes what can be an indicator in one run of word bytes.
func (s *textScan) word(start, end int) {
	word := s.text[start:end]
	colons := 0
	for _, c := range word {
		if c >= 0x80 {
			return
		}
		if c == ':' {
			colons++
		}
	}
	// Times, MAC addresses and scopes have colons too, but none is public.
	if colons > 1 {
		if addr, reason := ParseAddr(bytes.TrimRight(word, ".-")); reason == OK {
			if addr.Is4() || IsPublic(addr) {
				s.add(IP, bytes.TrimRight(word, ".-"))
			}
			return
		}
	}
	// Between colons are a label, a value and a port.
	for start <= end {
		stop := start
		for stop < end && s.text[stop] != ':' {
			stop++
		}
		s.part(start, stop)
		start = stop + 1
	}
}

// part takes what can be an indicator in a word without colons.
func (s *textScan) part(start, end int) {
	const around = ".-+@"
	for start < end && strings.IndexByte(around, s.text[start]) >= 0 {
		start++
	}
	for start < end && strings.IndexByte(around+"_", s.text[end-1]) >= 0 {
		end--
	}
	word := s.text[start:end]
	if kind := HashKind(word); kind != None {
		s.add(kind, word)
		return
	}
	if at := bytes.LastIndexByte(word, '@'); at >= 0 {
		if s.add(Email, word) {
			return
		}
		start += at + 1
		word = s.text[start:end] // as in root@192.0.2.1
	} else if bytes.IndexByte(word, '.') < 0 {
		return
	} else if s.isDomain(start, end) && s.add(Domain, word) {
		return
	}
	if !s.inPath(start, 1) && !s.isVersion(start, end) {
		s.add(IP, word)
	}
}

// isDomain tells a domain from what only has dots: files and parts of code.
func (s *textScan) isDomain(start, end int) bool {
	if s.inPath(start, 2) || start > 0 && (s.text[start-1] == '$' || s.text[start-1] == '%') {
		return false
	}
	rest := s.text[end:]
	if len(rest) > 0 && strings.IndexByte("(=[$%}", rest[0]) >= 0 || bytes.HasPrefix(rest, []byte(`":`)) {
		return false // a call, a setting, a placeholder, a key of JSON
	}
	word := s.text[start:end]
	top := word[bytes.LastIndexByte(word, '.')+1:]
	switch string(top) {
	case "bz", "cab", "cc", "md", "mk", "mov", "pl", "pm", "ps", "py", "rs", "sh", "so", "zip":
		return len(rest) > 0 && rest[0] == '/' // nothing is below a file
	}
	// System.IO is code, evil.example and EVIL.EXAMPLE are domains.
	return !hasUpper(top) || !hasLower(word)
}

// inPath reports whether the word at start is an element of a path: it has
// slashes before it, unless they are at least root many and nothing is before
// them, as in \\server and //host.
func (s *textScan) inPath(start, root int) bool {
	from := start
	for from > 0 && (s.text[from-1] == '/' || s.text[from-1] == '\\') {
		from--
	}
	if from == start {
		return false
	}
	bare := from == 0 || strings.IndexByte(" \t\r\n\"'`=([{<,;|", s.text[from-1]) >= 0
	return !bare || start-from < root
}

// isVersion reports whether what is between start and end is a version, by
// what is around it: as in "Version=4.0.0.0" or "Foundation 4.0.0.0\Linkage".
func (s *textScan) isVersion(start, end int) bool {
	if end < len(s.text) && s.text[end] == '\\' && (start == 0 || s.text[start-1] != '\\') {
		return true
	}
	before := bytes.TrimRight(s.text[max(0, start-16):start], " =:\"'(")
	for _, word := range [...]string{"version", "ver", "build", "release"} {
		if len(before) >= len(word) && hasPrefixFold(before[len(before)-len(word):], word) {
			return true
		}
	}
	return false
}

func hasUpper(text []byte) bool {
	return bytes.ContainsFunc(text, func(r rune) bool { return 'A' <= r && r <= 'Z' })
}

func hasLower(text []byte) bool {
	return bytes.ContainsFunc(text, func(r rune) bool { return 'a' <= r && r <= 'z' })
}
