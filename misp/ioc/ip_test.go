package ioc

import (
	"net/netip"
	"strings"
	"testing"
)

func TestIsPublic(t *testing.T) {
	for _, test := range []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true},
		{"100.63.255.255", true},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"100.128.0.0", true},
		{"10.0.0.1", false},
		{"172.15.255.255", true},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"172.32.0.0", true},
		{"192.168.1.1", false},
		{"192.0.0.8", false},
		{"127.0.0.1", false},
		{"169.254.169.254", false},
		{"198.17.255.255", true},
		{"198.19.0.1", false},
		{"198.20.0.0", true},
		{"0.0.0.0", false},
		{"224.0.0.251", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"192.0.2.1", true}, // for documentation, as are the next three
		{"198.51.100.1", true},
		{"203.0.113.1", true},
		{"2001:db8::1", true},
		{"2606:4700::1111", true},
		{"2001::1", true},
		{"2001:2::1", false},
		{"2001:20::1", false},
		{"::", false},
		{"::1", false},
		{"::ffff:10.0.0.1", false},
		{"::ffff:8.8.8.8", true},
		{"64:ff9b::8.8.8.8", true},
		{"64:ff9b::10.0.0.1", false},
		{"fe80::1", false},
		{"fe80::1%eth0", false},
		{"fd00::1", false},
		{"ff02::1", false},
		{"4000::1", false},
	} {
		if got := IsPublic(netip.MustParseAddr(test.addr)); got != test.want {
			t.Errorf("%s: got %v", test.addr, got)
		}
	}
	if IsPublic(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

// The parser of the standard library knows what an address is.
func FuzzParseAddr(f *testing.F) {
	for _, v := range values[IP] {
		f.Add(v.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, reason := ParseAddr([]byte(in))
		want, err := netip.ParseAddr(strings.TrimSpace(in))
		if err == nil && (reason != OK || got != want.Unmap().WithZone("")) {
			t.Errorf("%q: got %v, %s; want %v", in, got, reason, want)
		}
		if reason == OK {
			if again, err := netip.ParseAddr(got.String()); err != nil || again != got {
				t.Errorf("%q: got %v, which is no address", in, got)
			}
		}
	})
}
