package rules

import (
	"bytes"
	"net/netip"

	"fluent-bit-misp/misp/ioc"
)

// A sight is an indicator at a path.
type sight struct {
	path int
	key  string
}

// fewFound is up to how many indicators of an event are searched one by one
// for a repeated one; a hostile event can have thousands.
const fewFound = 16

// add takes raw as an indicator of kind k.
func (x *Extraction) add(k ioc.Kind, raw []byte) {
	if k == ioc.IP {
		x.addIP(raw)
		return
	}
	ind, reason := x.buf.Add(k, raw)
	if reason != ioc.OK {
		x.reject(raw, reason.String())
		if k == ioc.URL {
			x.addHost(raw)
		}
		return
	}
	x.keep(ind, raw)
}

// addHost takes the host of a URL that is itself not fit to be looked up.
func (x *Extraction) addHost(raw []byte) {
	host, reason := x.buf.HostOf(raw)
	if reason == ioc.OK && !x.set.derive.noHosts && x.set.ignore.why(host, ioc.Indicator{}, x.Agents) == "" {
		x.appendHost(host)
	}
}

// addIP is add for an address. Most of those in a log are not public, so it is
// decided on the address alone whether to make an indicator of it.
func (x *Extraction) addIP(raw []byte) {
	addr, reason := ioc.ParseAddr(raw)
	if reason != ioc.OK {
		// Add has a better word for what is no value at all.
		_, reason = x.buf.Add(ioc.IP, raw)
		x.reject(raw, reason.String())
		return
	}
	x.addAddr(addr, raw)
}

func (x *Extraction) addAddr(addr netip.Addr, raw []byte) {
	if why := x.set.ignore.whyAddr(addr, x.Agents); why != "" {
		x.reject(raw, why)
		return
	}
	ind := x.buf.AddAddr(addr)
	if x.set.ignore.values != nil && x.set.ignore.values[ind.Fold()[1:]] {
		x.reject(raw, ignoredValue)
		return
	}
	x.keepAll(ind, ioc.Indicator{})
}

// addText takes what free text has.
func (x *Extraction) addText(raw []byte) {
	// Text may not be entered again while it calls back, so what follows from
	// an indicator is made afterwards.
	x.texts = x.texts[:0]
	x.buf.Text(raw, x.onText)
	for _, ind := range x.texts {
		x.keep(ind, raw)
	}
}

func (x *Extraction) reject(raw []byte, why string) {
	x.partial = x.partial || x.rejected > 0 && x.why != why // a profile has one reason
	x.rejected, x.why = x.rejected+1, why
	if x.Rejected != nil {
		x.Rejected(x.rule, x.path, raw, why)
	}
}

// keep keeps ind, and what follows from it, unless it is to be ignored.
func (x *Extraction) keep(ind ioc.Indicator, raw []byte) {
	var host ioc.Indicator
	if ind.Kind() == ioc.URL {
		host, _ = x.buf.Host(ind)
	}
	if why := x.set.ignore.why(ind, host, x.Agents); why != "" {
		x.reject(raw, why)
		return
	}
	x.keepAll(ind, host)
}

// keepAll appends ind and what follows from it; host is that of a URL.
func (x *Extraction) keepAll(ind, host ioc.Indicator) {
	if !x.append(ind, Direct) {
		return
	}
	if !host.IsZero() && !x.set.derive.noHosts {
		x.appendHost(host)
	} else {
		x.appendParents(ind)
	}
}

func (x *Extraction) appendHost(host ioc.Indicator) {
	x.append(host, Host)
	x.appendParents(host)
}

func (x *Extraction) appendParents(domain ioc.Indicator) {
	if domain.Kind() != ioc.Domain || x.set.derive.noParents {
		return
	}
	x.parents = x.buf.Parents(x.parents[:0], domain)
	for _, parent := range x.parents {
		x.append(parent, Parent)
	}
}

// append adds an indicator to what is found, and reports whether this event
// has not had it at this path. One that was derived before and is not now
// loses that mark.
func (x *Extraction) append(ind ioc.Indicator, d Derived) bool {
	if at := x.find(ind); at >= 0 {
		f := &x.Found[at]
		f.Derived = min(f.Derived, d)
		x.partial = x.partial || at < x.from
		return false
	}
	if len(x.Found)-x.start >= MaxFound {
		x.Cut, x.partial = true, true
		return false
	}
	x.Found = append(x.Found, Found{ind, x.rule, x.path, d})
	if n := len(x.Found) - x.start; n == fewFound+1 {
		clear(x.seen)
		for i, f := range x.Found[x.start:] {
			x.seen[sight{f.Path, f.Indicator.Key()}] = x.start + i
		}
	} else if n > fewFound {
		x.seen[sight{x.path, ind.Key()}] = len(x.Found) - 1
	}
	return true
}

// find returns where ind is among what this event has at this path, or -1.
func (x *Extraction) find(ind ioc.Indicator) int {
	if len(x.Found)-x.start > fewFound {
		if at, ok := x.seen[sight{x.path, ind.Key()}]; ok {
			return at
		}
		return -1
	}
	for i := x.start; i < len(x.Found); i++ {
		if x.Found[i].Path == x.path && x.Found[i].Indicator == ind {
			return i
		}
	}
	return -1
}

// entities are those that XML defines.
var entities = [...]struct{ name, text string }{
	{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", `"`}, {"&apos;", "'"},
}

// appendDecoded appends raw to dst with the entities of XML decoded.
func appendDecoded(dst, raw []byte) []byte {
next:
	for {
		at := bytes.IndexByte(raw, '&')
		if at < 0 {
			return append(dst, raw...)
		}
		dst, raw = append(dst, raw[:at]...), raw[at:]
		for _, e := range entities {
			if bytes.HasPrefix(raw, []byte(e.name)) {
				dst, raw = append(dst, e.text...), raw[len(e.name):]
				continue next
			}
		}
		dst, raw = append(dst, '&'), raw[1:]
	}
}
