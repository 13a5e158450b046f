package ioc

// appendCVE takes the name of a vulnerability and puts it into the upper case
// in which MISP keeps it: CVE-2021-44228.
func appendCVE(dst, raw []byte) ([]byte, Reason) {
	const prefix, year = "cve-", len("2021")
	if !hasPrefixFold(raw, prefix) || len(raw) < len(prefix)+year+1 {
		return dst, Malformed
	}
	number := raw[len(prefix)+year:]
	_, okYear := decimal(raw[len(prefix):][:year], year)
	_, okNumber := decimal(number[1:], 10)
	if !okYear || !okNumber || number[0] != '-' || len(number) < len("-0001") {
		return dst, Malformed
	}
	dst = append(dst, "CVE-"...)
	return append(dst, raw[len(prefix):]...), OK
}
