package ioc

import "bytes"

const maxPipe = 256

// pipeRoots are the ways to say where named pipes live, in lower case.
var pipeRoots = [...]string{`\.\pipe\`, `\pipe\`, `\device\namedpipe\`, `\??\pipe\`, `\`}

// appendPipe takes the name of a Windows pipe, with or without its root, and
// makes the form for which MISP asks: \\.\pipe\name.
func appendPipe(dst, raw []byte) ([]byte, Reason) {
	start := len(dst)
	dst = append(dst, `\\.\pipe\`...)
	name := len(dst)
	dst = appendPath(dst, raw)
	for _, root := range pipeRoots {
		if hasPrefixFold(dst[name:], root) {
			n := copy(dst[name:], dst[name+len(root):])
			dst = dst[:name+n]
			break
		}
	}
	dst = dst[:name+len(bytes.TrimSuffix(dst[name:], []byte(`\`)))]
	// Sysmon writes <Anonymous Pipe> for a pipe without a name.
	if len(dst) == name || dst[name] == '<' {
		return dst, Malformed
	}
	if len(dst)-name > maxPipe {
		return dst, TooLong
	}
	return dst, safe(dst[start:])
}
