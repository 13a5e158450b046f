package rules

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"fluent-bit-misp/misp/ioc"
)

// An ignore is what is never looked up, whatever a rule says.
type ignore struct {
	networks networks
	domains  map[string]bool // and everything below
	values   map[string]bool // as ioc.Indicator.Fold has them
}

func (r *reader) ignore(n ast.Node, to *ignore) {
	for _, e := range r.mapping(n, "ignore") {
		var add func(string) bool
		var want string
		switch e.key {
		case "networks":
			add, want = to.networks.add, "no network, no address and not the word private"
		case "domains":
			add, want = to.addDomain, "no domain"
		case "values":
			add, want = to.addValue, "no value"
		default:
			r.unknown(e, "ignore", "networks, domains and values")
			continue
		}
		for _, n := range r.list(e.value, e.key, false) {
			if text, ok := r.text(n, "an element of "+e.key); ok && !add(text) {
				r.fail(n, "%q is %s", text, want)
			}
		}
	}
}

// addDomain takes names that can be no indicator too, such as corp.local or a
// single label.
func (i *ignore) addDomain(text string) bool {
	name := fold(strings.Trim(text, "."))
	if d, reason := ioc.Normalize(ioc.Domain, text); reason == ioc.OK {
		name = d.Value()
	}
	for _, label := range strings.Split(name, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	if strings.Trim(name, "0123456789.") == "" {
		return false
	}
	i.domains = put(i.domains, name)
	return true
}

func (i *ignore) addValue(text string) bool {
	i.values = put(i.values, fold(text))
	return true
}

func (i *ignore) join(other ignore) {
	i.networks.private = i.networks.private || other.networks.private
	i.networks.spans = append(i.networks.spans, other.networks.spans...)
	for name := range other.domains {
		i.domains = put(i.domains, name)
	}
	for value := range other.values {
		i.values = put(i.values, value)
	}
}

// option adds the elements of the option of that name: networks, addresses,
// domains, and the word private.
func (i *ignore) option(elements []string) error {
	var errs []error
	for _, e := range elements {
		if !i.networks.add(e) && !i.addDomain(e) {
			errs = append(errs, fmt.Errorf("ignore: %q is no network, no address and no domain", e))
		}
	}
	return errors.Join(errs...)
}

func put(set map[string]bool, s string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[s] = true
	return set
}

// Why an indicator is passed over although it is canonical.
const (
	ignoredPrivate = "not a public address"
	ignoredNetwork = "in a network to ignore"
	ignoredAgent   = "the address of an agent"
	ignoredDomain  = "in a domain to ignore"
	ignoredValue   = "a value to ignore"
)

// why says why ind is passed over, or nothing. Host is the host of a URL.
func (i *ignore) why(ind, host ioc.Indicator, agents *Agents) string {
	if i.values != nil && i.values[ind.Fold()[1:]] {
		return ignoredValue
	}
	if host.IsZero() {
		host = ind
	}
	switch host.Kind() {
	case ioc.IP:
		if addr, err := netip.ParseAddr(host.Value()); err == nil {
			return i.whyAddr(addr, agents)
		}
	case ioc.Domain:
		if i.below(host.Value()) {
			return ignoredDomain
		}
	case ioc.Email:
		if _, domain, ok := strings.Cut(host.Value(), "@"); ok && i.below(domain) {
			return ignoredDomain
		}
	}
	return ""
}

func (i *ignore) whyAddr(addr netip.Addr, agents *Agents) string {
	switch {
	case i.networks.has(addr):
		if i.networks.private && !ioc.IsPublic(addr) {
			return ignoredPrivate
		}
		return ignoredNetwork
	case agents.has(addr):
		return ignoredAgent
	}
	return ""
}

// below reports whether name is one of the domains or below one.
func (i *ignore) below(name string) bool {
	for more := i.domains != nil; more; _, name, more = strings.Cut(name, ".") {
		if i.domains[name] {
			return true
		}
	}
	return false
}
