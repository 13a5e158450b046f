package ioc

import "bytes"

const maxFilename = 255

// appendFilename keeps the last element of a path of Windows or Unix, without
// the NTFS stream behind it. Case is kept: MISP ignores it.
func appendFilename(dst, raw []byte) ([]byte, Reason) {
	name := raw[bytes.LastIndexAny(raw, `\/`)+1:]
	if len(name) > 1 && name[1] == ':' {
		name = name[2:] // a drive
	}
	if stream := bytes.IndexByte(name, ':'); stream >= 0 {
		name = name[:stream]
	}
	name = trim(name)
	switch string(name) {
	case "", ".", "..":
		return dst, Malformed
	}
	if absent(name) {
		return dst, NoValue
	}
	if len(name) > maxFilename {
		return dst, TooLong
	}
	return append(dst, name...), safe(name)
}

// filenameTypes lists the MISP types that hold a file name: all the
// composites with a hash have it in front.
func filenameTypes() []Type {
	types := []Type{{"filename", Whole}, {"malware-sample", First}}
	for _, hash := range []string{
		"authentihash", "imphash", "impfuzzy", "md5", "pehash", "sha1", "sha224", "sha256", "sha384", "sha512",
		"sha512/224", "sha512/256", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "ssdeep", "tlsh", "vhash",
	} {
		types = append(types, Type{"filename|" + hash, First})
	}
	return types
}
