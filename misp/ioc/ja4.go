package ioc

// ja4Form is the form of a JA4: the transport (TLS, QUIC or DTLS), version,
// whether there was a server name, counts of ciphers and extensions, the first
// ALPN; then two truncated hashes.
const ja4Form = "paaiddddaa_hhhhhhhhhhhh_hhhhhhhhhhhh"

// appendJA4 takes the JA4 fingerprint of a TLS client, such as
// t13d1516h2_8daaf6152771_e5627efa2ab1, and puts it into lower case.
func appendJA4(dst, raw []byte) ([]byte, Reason) {
	if len(raw) != len(ja4Form) {
		return dst, Malformed
	}
	for i, c := range raw {
		c = lower(c)
		var ok bool
		switch ja4Form[i] {
		case 'p':
			ok = c == 't' || c == 'q' || c == 'd'
		case 'i':
			ok = c == 'd' || c == 'i'
		case 'd':
			ok = isDigit(c)
		case 'a':
			ok = isAlnum(c)
		case 'h':
			ok = hexValue[c] != notHex
		default:
			ok = c == ja4Form[i]
		}
		if !ok {
			return dst, Malformed
		}
		dst = append(dst, c)
	}
	return dst, OK
}
