package ioc

import (
	"bytes"
	"sync"
)

// guesses are tried in this order: the stricter the form, the earlier.
var guesses = [...]Kind{IP, URL, JA4, CVE, Email, Regkey, Domain}

var guessing = sync.Pool{New: func() any { return new(Buffer) }}

// Guess returns what a person who types raw most likely means, or None. It is
// for people: what a log holds is for the rules to say.
func Guess(raw []byte) Kind {
	raw = trim(raw)
	b := guessing.Get().(*Buffer)
	defer guessing.Put(b)
	is := func(kind Kind) bool {
		b.Reset()
		_, reason := b.Add(kind, raw)
		return reason == OK
	}
	if kind := HashKind(raw); kind != None && is(kind) {
		return kind
	}
	for _, kind := range guesses {
		if is(kind) {
			return kind
		}
	}
	switch {
	case bytes.IndexByte(raw, ':') == 2 && is(X509SHA1):
		return X509SHA1
	case bytes.HasPrefix(raw, []byte(`\\.\pipe\`)) && is(NamedPipe):
		return NamedPipe
	case bytes.HasPrefix(raw, []byte("Mozilla/")) && is(UserAgent):
		return UserAgent
	case bytes.IndexByte(raw, '.') > 0 && !bytes.Contains(raw, []byte("://")) && is(Filename):
		return Filename
	}
	return None
}
