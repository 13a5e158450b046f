package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"fluent-bit-misp/misp/ioc"
)

// A leaf is a scalar of an alert and where it stands: keys joined by dots,
// arrays having no segment of their own, as in the rules.
type leaf struct{ path, value string }

// leaves returns the scalars of a JSON object in their order.
func leaves(line []byte) []leaf {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var all []leaf
	var walk func(path string) bool
	walk = func(path string) bool {
		token, err := d.Token()
		if err != nil {
			return false
		}
		switch v := token.(type) {
		case json.Delim:
			for d.More() {
				below := path
				if v == '{' {
					key, err := d.Token()
					if err != nil {
						return false
					}
					below = strings.TrimPrefix(path+"."+key.(string), ".")
				}
				if !walk(below) {
					return false
				}
			}
			_, err := d.Token()
			return err == nil
		case string:
			all = append(all, leaf{path, v})
		case json.Number:
			all = append(all, leaf{path, v.String()})
		}
		return true
	}
	walk("")
	return all
}

// looksLike returns the kind of indicator that a whole value looks like, of
// those that the built-in rules look up.
func looksLike(value string) (ioc.Indicator, bool) {
	kind := ioc.Guess([]byte(value))
	switch kind {
	case ioc.IP:
		addr, _ := ioc.ParseAddr([]byte(value))
		if !ioc.IsPublic(addr) {
			return ioc.Indicator{}, false
		}
	case ioc.Domain, ioc.URL, ioc.Email, ioc.JA4, ioc.X509SHA1, ioc.MD5, ioc.SHA1, ioc.SHA256, ioc.SHA512:
	default:
		return ioc.Indicator{}, false
	}
	found, reason := ioc.Normalize(kind, value)
	return found, reason == ioc.OK
}

// ours are the parts of an alert that name our own machines: they are never
// looked up.
var ours = []string{"agent", "manager", "cluster", "predecoder.hostname", "location"}

func isOurs(path string) bool {
	for _, p := range ours {
		if path == p || strings.HasPrefix(path, p+".") {
			return true
		}
	}
	return false
}

// covers reports whether the path of a rule leads to that of a leaf: the case
// of letters does not count, * is any key, and where a rule expects a scalar
// the scalars of an object are taken too.
func covers(rule, leaf string) bool {
	if strings.EqualFold(rule, leaf) {
		return true
	}
	r, l := strings.Split(rule, "."), strings.Split(leaf, ".")
	if len(l) != len(r) && len(l) != len(r)+1 {
		return false
	}
	for i := range r {
		if r[i] != "*" && !strings.EqualFold(r[i], l[i]) {
			return false
		}
	}
	return true
}
