package ioc

import "bytes"

const maxRegkey = 2048

// hives are the names of the roots of the registry, in lower case, and the
// short names that Sysmon writes.
var hives = [...]struct{ long, short string }{
	{"hkey_local_machine", "HKLM"},
	{"hkey_current_user", "HKCU"},
	{"hkey_users", "HKU"},
	{"hkey_classes_root", "HKCR"},
	{"hkey_current_config", "HKCC"},
	{`\registry\machine`, "HKLM"},
	{`\registry\user`, "HKU"},
	{"hklm", "HKLM"},
	{"hkcu", "HKCU"},
	{"hku", "HKU"},
	{"hkcr", "HKCR"},
	{"hkcc", "HKCC"},
}

// appendRegkey takes the path of a key or value of the Windows registry: the
// root becomes its short name, and backslashes that were doubled on the way
// are single.
func appendRegkey(dst, raw []byte) ([]byte, Reason) {
	if len(raw) > maxRegkey {
		return dst, TooLong
	}
	start := len(dst)
	dst = bytes.TrimSuffix(appendPath(dst, raw), []byte(`\`))
	path := dst[start:]
	for _, hive := range hives {
		if hasPrefixFold(path, hive.long) && len(path) > len(hive.long)+1 && path[len(hive.long)] == '\\' {
			n := copy(path, hive.short)
			n += copy(path[n:], path[len(hive.long):])
			return dst[:start+n], safe(path[:n])
		}
	}
	return dst, Malformed
}

// appendPath appends a Windows path with every run of backslashes as one.
func appendPath(dst, raw []byte) []byte {
	for i, c := range raw {
		if c != '\\' || i == 0 || raw[i-1] != '\\' {
			dst = append(dst, c)
		}
	}
	return dst
}
