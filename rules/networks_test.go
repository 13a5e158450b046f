package rules

import (
	"net/netip"
	"testing"
)

func TestNetworks(t *testing.T) {
	tests := []struct {
		elements []string
		in, out  []string
	}{
		{nil, nil, []string{"203.0.113.1", "10.0.0.1", "::1"}},
		{[]string{"203.0.113.0/24"}, []string{"203.0.113.0", "203.0.113.255"}, []string{"203.0.112.255", "203.0.114.0", "2001:db8::1"}},
		{[]string{"203.0.113.7/24"}, []string{"203.0.113.0"}, []string{"203.0.114.0"}}, // host bits do not count
		{[]string{"203.0.113.7"}, []string{"203.0.113.7"}, []string{"203.0.113.6", "203.0.113.8"}},
		{[]string{"0.0.0.0/0"}, []string{"0.0.0.0", "255.255.255.255"}, []string{"::", "2001:db8::1"}},
		{[]string{"::/0"}, []string{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, []string{"203.0.113.1"}},
		{[]string{"2001:db8::/32"}, []string{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"}, []string{"2001:db9::", "2001:db7:ffff::"}},
		{[]string{"::ffff:203.0.113.0/120", "::ffff:198.51.100.1"}, []string{"203.0.113.9", "198.51.100.1"}, []string{"203.0.114.0"}},
		// overlapping, inside one another, the same twice, out of order
		{[]string{"203.0.113.128/25", "203.0.113.0/24", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16", "198.51.100.1"},
			[]string{"10.255.255.255", "10.1.2.3", "203.0.113.1", "203.0.113.200", "198.51.100.1"}, []string{"11.0.0.0", "198.51.100.2", "9.255.255.255"}},
		{[]string{"Private"}, []string{"10.0.0.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "224.0.0.1", "fe80::1", "fd00::1"}, []string{"203.0.113.1", "2001:db8::1"}},
		{[]string{"private", "203.0.113.0/24"}, []string{"10.0.0.1", "203.0.113.1"}, []string{"198.51.100.1"}},
	}
	for _, test := range tests {
		var n networks
		for _, e := range test.elements {
			if !n.add(e) {
				t.Errorf("%q is refused", e)
			}
		}
		n.compact()
		for _, addr := range test.in {
			if !n.has(netip.MustParseAddr(addr)) {
				t.Errorf("%q has not %s", test.elements, addr)
			}
		}
		for _, addr := range test.out {
			if n.has(netip.MustParseAddr(addr)) {
				t.Errorf("%q has %s", test.elements, addr)
			}
		}
	}
}
