package ioc

// kinds says of every kind what it is called, where MISP keeps it, and how a
// value becomes canonical: append adds the canonical form of raw to dst. Raw
// is neither empty nor a word for nothing, and has no space at its ends. Unless
// the Reason is OK, what append has added does not count.
//
// An append function must not allocate, and what it lets through must pass
// [safe] and come out of it unchanged a second time; the fuzz test holds all
// of them to that.
var kinds = [NumKinds]struct {
	name   string
	types  []Type
	append func(dst, raw []byte) ([]byte, Reason)
}{
	None: {name: "none"},
	IP: {"ip", []Type{
		{"ip-src", Whole}, {"ip-dst", Whole}, {"ip-src|port", First}, {"ip-dst|port", First}, {"domain|ip", Second},
	}, appendIP},
	Domain: {"domain", []Type{
		{"domain", Whole}, {"hostname", Whole}, {"domain|ip", First}, {"hostname|port", First}, {"onion-address", Whole},
	}, appendDomain},
	URL: {"url", []Type{{"url", Whole}, {"uri", Whole}, {"link", Whole}}, appendURL},
	MD5: {"md5", []Type{
		{"md5", Whole}, {"filename|md5", Second}, {"malware-sample", Second},
	}, digest(16)},
	SHA1:    {"sha1", []Type{{"sha1", Whole}, {"filename|sha1", Second}}, digest(20)},
	SHA256:  {"sha256", []Type{{"sha256", Whole}, {"filename|sha256", Second}}, digest(32)},
	SHA512:  {"sha512", []Type{{"sha512", Whole}, {"filename|sha512", Second}}, digest(64)},
	Imphash: {"imphash", []Type{{"imphash", Whole}, {"filename|imphash", Second}}, digest(16)},
	JA3:     {"ja3", []Type{{"ja3-fingerprint-md5", Whole}}, digest(16)},
	// MISP has no type of its own for JA4: its object ja4-plus keeps them as text.
	JA4:      {"ja4", []Type{{"text", Whole}}, appendJA4},
	X509SHA1: {"x509-sha1", []Type{{"x509-fingerprint-sha1", Whole}}, digest(20)},
	Email: {"email", []Type{
		{"email", Whole}, {"email-src", Whole}, {"email-dst", Whole}, {"email-reply-to", Whole},
	}, appendEmail},
	Filename:  {"filename", filenameTypes(), appendFilename},
	UserAgent: {"user-agent", []Type{{"user-agent", Whole}}, appendUserAgent},
	Regkey:    {"regkey", []Type{{"regkey", Whole}, {"regkey|value", First}}, appendRegkey},
	NamedPipe: {"named-pipe", []Type{{"named pipe", Whole}}, appendPipe},
	CVE:       {"cve", []Type{{"vulnerability", Whole}}, appendCVE},
}
