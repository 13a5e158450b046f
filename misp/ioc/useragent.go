package ioc

const maxUserAgent = 2048

// appendUserAgent takes any line of text: MISP keeps user agents as they are.
func appendUserAgent(dst, raw []byte) ([]byte, Reason) {
	if len(raw) > maxUserAgent {
		return dst, TooLong
	}
	return append(dst, raw...), safe(raw)
}
