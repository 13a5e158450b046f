// Package rules decides which values of an event are looked up, and as what.
// It knows neither msgpack nor MISP: a compiled [Set] names the paths that it
// needs, someone fills [fields.Fields] with the values there, and [Set.Extract] makes
// indicators of them. Only what package ioc has made canonical comes out.
//
// A rule file is YAML. It names fields by their path: keys joined by dots,
// matched without regard to ASCII case. Arrays are walked through, at any
// level, and a * stands for any key.
//
//	version: 1
//	ignore:                    # never looked up, whatever a rule says
//	  networks: [private, 198.51.100.0/24]
//	  domains: [corp.example]  # and all below, also as the host of a URL or e-mail
//	  values: [d41d8cd98f00b204e9800998ecf8427e]
//	derive:                    # what follows from an indicator; both are on
//	  hosts: true              # the host of a URL
//	  parents: true            # the parents of a domain
//	rules:
//	  - name: web-attack-source
//	    when:
//	      rule.groups: [web, attack]
//	      rule.level|gte: 6
//	    unless:
//	      data.srcip|cidr: 192.0.2.0/24
//	    lookup:
//	      - field: data.srcip
//	        type: ip
//
// # Conditions
//
// The entries of a when must all hold; a list of values is an "or"; a field
// with several values satisfies an entry if one of them does. A list of
// mappings in place of one mapping is an "or" of them. A rule is passed over
// if its unless holds, which is written the same way.
//
// The modifiers are Sigma's: contains, startswith, endswith, re (as Go's
// package regexp reads it), cidr (networks, addresses, or the word private),
// exists, gt, gte, lt and lte. As in Sigma, text is compared without regard to
// case, here that of the ASCII letters; only re sees case as it is written.
// Other than in Sigma, * and ? in a value mean themselves. A number or boolean
// in YAML is compared as the text that it is written with.
//
// # Look-ups
//
// An entry has a field or fields, and a type: a kind of indicator (see package
// ioc) or one of the shapes that take a value apart:
//
//	hash             a hash, its kind told by its form
//	hashes           SHA1=..,MD5=..,SHA256=..,IMPHASH=.. in any order and subset
//	host             an address or a domain
//	any              whatever the value looks like
//	web-address      a URL, also without its scheme, or a host with a final slash
//	dns-question     a queried name, also as "class IN, type AAAA, name"
//	dns-results      the QueryResults of Sysmon
//	dns-answers      resource records as a zone file has them, one a line
//	zone-identifier  the HostUrl and ReferrerUrl of a downloaded file
//	command          the arguments of a command, joined in their order
//	text             all that free text has, also defanged
//
// The type url takes, beside field, a host that is joined with a value that is
// only a path, and with it port (both are paths of fields) and scheme (http
// unless said otherwise). XML entities are decoded in the event data of
// Windows.
//
// # Several files
//
// Files are put together in order. What they ignore adds up, and what one of
// them does not derive is not derived. A rule replaces an earlier file's rule
// of the same name; with nothing but name and enabled it switches that rule on
// or off. Besides true and false, enabled can be text: on if the option text is.
//
// Addresses that are not public are looked up unless a file ignores private, as
// the default rules do.
package rules

import (
	_ "embed"

	"fluent-bit-misp/misp/ioc"
)

//go:embed default.yaml
var defaultRules []byte

//go:embed ecs.yaml
var ecsRules []byte

// Default returns the rules for the alerts of Wazuh, and those for fields
// named by the Elastic Common Schema, which are both on unless other files are
// given.
func Default() (*File, error) {
	wazuh, err := Parse("default.yaml", defaultRules)
	if err != nil {
		return nil, err
	}
	ecs, err := Parse("ecs.yaml", ecsRules)
	if err != nil {
		return nil, err
	}
	wazuh.rules = append(wazuh.rules, ecs.rules...)
	return wazuh, nil
}

// A File is a rule file that was found right. It is immutable.
type File struct {
	ignore ignore
	derive derive
	rules  []rule
}

// A rule as its file has it.
type rule struct {
	name    string
	at      place
	enabled enabled
	set     bool // whether the file says enabled
	when    []clause
	unless  []clause
	lookups []lookup // none if the rule only switches another one
}

// A clause is conditions that must all hold.
type clause []condition

// A lookup is what a rule takes at its fields, and how.
type lookup struct {
	fields []string
	shape  shape
	kind   ioc.Kind // of the shape that is one kind
	host   string   // what a URL is joined from, "" if it is not
	port   string
	scheme string
}

// Enabled says when a rule is used.
type enabled uint8

const (
	always enabled = iota
	withText
	never
)

// Derive says which indicators that follow from another are not wanted.
type derive struct{ noHosts, noParents bool }
