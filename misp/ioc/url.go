package ioc

import (
	"bytes"
	"net/netip"
)

const maxURL = 2048

// appendURL takes an absolute URL and puts its scheme and host into canonical
// form. The rest stays as it was: what a path or a default port means is for
// the server to say, and MISP keeps URLs as they are.
func appendURL(dst, raw []byte) ([]byte, Reason) {
	if len(raw) > maxURL {
		return dst, TooLong
	}
	parts, ok := splitURL(raw)
	if !ok {
		return dst, NotAbsolute
	}
	start := len(dst)
	for _, c := range parts.scheme {
		dst = append(dst, lower(c))
	}
	if !isNetworkScheme(dst[start:]) {
		return dst, NotAbsolute
	}
	dst = append(dst, "://"...)
	dst = append(dst, parts.user...)
	dst, reason := appendHost(dst, parts.host)
	if reason != OK {
		return dst, reason
	}
	if len(parts.port) > 0 && !isPort(parts.port[1:]) {
		return dst, Malformed
	}
	dst = append(dst, parts.port...)
	dst = append(dst, parts.rest...)
	if len(dst)-start > maxURL {
		return dst, TooLong
	}
	if bytes.IndexByte(dst[start:], ' ') >= 0 {
		return dst, Malformed
	}
	return dst, safe(dst[start:])
}

// urlParts are what a URL is made of; but for "://" after the scheme they are
// together the whole of it.
type urlParts struct {
	scheme []byte
	user   []byte // with the @, or empty
	host   []byte // with brackets, if it is an IPv6 address
	port   []byte // with the colon, or empty
	rest   []byte // path, query and fragment
}

func splitURL(raw []byte) (parts urlParts, ok bool) {
	colon := bytes.IndexByte(raw, ':')
	if colon < 1 || !bytes.HasPrefix(raw[colon:], []byte("://")) {
		return parts, false
	}
	parts.scheme = raw[:colon]
	authority := raw[colon+len("://"):]
	for i, c := range authority {
		// Browsers take a backslash for a slash.
		if c == '/' || c == '?' || c == '#' || c == '\\' {
			authority, parts.rest = authority[:i], authority[i:]
			break
		}
	}
	at := bytes.LastIndexByte(authority, '@') + 1
	parts.user, parts.host = authority[:at], authority[at:]
	if colon := bytes.LastIndexByte(parts.host, ':'); colon > bytes.LastIndexByte(parts.host, ']') {
		parts.host, parts.port = parts.host[:colon], parts.host[colon:]
	}
	return parts, len(parts.host) > 0
}

// isNetworkScheme reports whether a scheme, in lower case, names a host to
// talk to. A file or a script is of no interest to MISP.
func isNetworkScheme(scheme []byte) bool {
	switch string(scheme) {
	case "http", "https", "ws", "wss",
		"ftp", "ftps", "sftp", "scp", "tftp", "smb", "nfs", "afp", "webdav", "webdavs",
		"ldap", "ldaps", "rmi", "iiop", "jnp", "dns", "nis", "corba",
		"ssh", "telnet", "rdp", "vnc", "rtsp", "rtmp", "mms", "irc", "ircs", "xmpp", "sip", "sips",
		"smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "nntp", "gopher", "git", "svn", "rsync",
		"tcp", "udp", "tls", "ssl", "quic", "socks4", "socks5", "stratum+tcp", "stratum+ssl",
		"mqtt", "mqtts", "amqp", "amqps", "redis", "rediss", "mongodb", "mysql", "postgresql":
		return true
	}
	return false
}

// appendHost takes the host of a URL: a name, or an IP address.
func appendHost(dst, host []byte) ([]byte, Reason) {
	if host[0] == '[' {
		if host[len(host)-1] != ']' {
			return dst, Malformed
		}
		addr, ok := parse6(host[1 : len(host)-1])
		if !ok {
			return dst, Malformed
		}
		dst = append(dst, '[')
		dst = netip.AddrFrom16(addr).AppendTo(dst)
		return append(dst, ']'), OK
	}
	if _, ok := parse4(host); ok {
		return append(dst, host...), OK
	}
	dst, _, reason := appendName(dst, host)
	return dst, reason
}
