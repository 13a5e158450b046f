package ioc

import (
	"bytes"
	"net/netip"
)

// appendIP makes the text of [netip.Addr], whether the address is public or
// not: what is not looked up is for the rules to say.
func appendIP(dst, raw []byte) ([]byte, Reason) {
	addr, reason := ParseAddr(raw)
	if reason != OK {
		return dst, reason
	}
	return addr.AppendTo(dst), OK
}

// AddAddr is [Buffer.Add] for an address that [ParseAddr] has read.
func (b *Buffer) AddAddr(addr netip.Addr) Indicator {
	start := len(b.text)
	b.text = addr.AppendTo(append(b.text, byte(IP)))
	return Indicator{view(b.text[start:])}
}

// ParseAddr reads an IP address as logs write it: also with a port, in
// brackets, or with a zone, which are dropped. An IPv4 address mapped into
// IPv6 is returned as IPv4. It does what [netip.ParseAddr] does for the
// address itself, but does not allocate to say no.
func ParseAddr(raw []byte) (netip.Addr, Reason) {
	raw = trim(raw)
	if addr, ok := parse4(raw); ok {
		return netip.AddrFrom4(addr), OK
	}
	if len(raw) == 0 {
		return netip.Addr{}, Empty
	}
	host, ok := hostOf(raw)
	if !ok {
		return netip.Addr{}, Malformed
	}
	if addr, ok := parse4(host); ok {
		return netip.AddrFrom4(addr), OK
	}
	host, zone, zoned := bytes.Cut(host, []byte("%"))
	addr, ok := parse6(host)
	if !ok || zoned && len(zone) == 0 {
		return netip.Addr{}, Malformed
	}
	return netip.AddrFrom16(addr).Unmap(), OK
}

// hostOf returns raw without the brackets around an address and without the
// port behind it. A bare IPv6 address has no port, unless it ends in the
// dotted form; its zone can have dots and colons of its own.
func hostOf(raw []byte) (host []byte, ok bool) {
	if raw[0] == '[' {
		end := bytes.IndexByte(raw, ']')
		if end < 0 {
			return nil, false
		}
		port := raw[end+1:]
		return raw[1:end], len(port) == 0 || port[0] == ':' && isPort(port[1:])
	}
	colon, dot := bytes.LastIndexByte(raw, ':'), bytes.LastIndexByte(raw, '.')
	if 0 < dot && dot < colon && bytes.IndexByte(raw, '%') < 0 {
		return raw[:colon], isPort(raw[colon+1:])
	}
	return raw, true
}

func isPort(text []byte) bool {
	n, ok := decimal(text, 5)
	return ok && n <= 65535
}

// decimal reads a number of at most max digits.
func decimal(text []byte, max int) (n int, ok bool) {
	if len(text) == 0 || len(text) > max {
		return 0, false
	}
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// parse4 reads the dotted form. A leading zero is refused: some programs take
// it for octal.
func parse4(text []byte) (addr [4]byte, ok bool) {
	part, digits, n := 0, 0, 0
	for _, c := range text {
		switch {
		case c == '.':
			if digits == 0 || part == 3 {
				return addr, false
			}
			addr[part] = byte(n)
			part, digits, n = part+1, 0, 0
		case !isDigit(c) || digits > 0 && n == 0:
			return addr, false
		default:
			digits, n = digits+1, 10*n+int(c-'0')
			if n > 255 {
				return addr, false
			}
		}
	}
	addr[3] = byte(n)
	return addr, part == 3 && digits > 0
}

// parse6 reads an IPv6 address without a zone.
func parse6(text []byte) (addr [16]byte, ok bool) {
	head, tail, gap := bytes.Cut(text, []byte("::"))
	if !gap {
		n, ok := groups(&addr, text, true)
		return addr, ok && n == len(addr)
	}
	var end [16]byte
	n, ok1 := groups(&addr, head, false)
	m, ok2 := groups(&end, tail, true)
	// The gap stands for at least one group of zeros.
	if !ok1 || !ok2 || n+m > len(addr)-2 {
		return addr, false
	}
	copy(addr[len(addr)-m:], end[:m])
	return addr, true
}

// groups reads groups of hexadecimal digits with colons between them and
// returns how many bytes they make; if dotted, the last group may be an IPv4
// address.
func groups(addr *[16]byte, text []byte, dotted bool) (n int, ok bool) {
	for more := len(text) > 0; more; n += 2 {
		var part []byte
		part, text, more = bytes.Cut(text, []byte(":"))
		if dotted && !more && n <= len(addr)-4 {
			if v4, ok := parse4(part); ok {
				return n + copy(addr[n:], v4[:]), true
			}
		}
		if n == len(addr) || len(part) == 0 || len(part) > 4 {
			return n, false
		}
		var group uint16
		for _, c := range part {
			digit := hexValue[c]
			if digit == notHex {
				return n, false
			}
			group = group<<4 | uint16(digit)
		}
		addr[n], addr[n+1] = byte(group>>8), byte(group)
	}
	return n, true
}
