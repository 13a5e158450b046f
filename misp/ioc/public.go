package ioc

import "net/netip"

// IsPublic reports whether addr can be the address of somebody else on the
// Internet. Private, shared (CGNAT), loopback, link-local, multicast,
// benchmarking, unspecified and reserved addresses are not public, nor are
// they when mapped or translated into IPv6. The documentation ranges count as
// public: tests and exercises use them.
func IsPublic(addr netip.Addr) bool {
	switch addr = addr.Unmap(); {
	case addr.Is4():
		return isPublic4(addr.As4())
	case addr.Is6():
		return isPublic6(addr.As16())
	}
	return false
}

func isPublic4(a [4]byte) bool {
	switch a[0] {
	case 0, 10, 127:
		return false
	case 100:
		return a[1]&0xc0 != 64
	case 169:
		return a[1] != 254
	case 172:
		return a[1]&0xf0 != 16
	case 192:
		return a[1] != 168 && (a[1] != 0 || a[2] != 0)
	case 198:
		return a[1]&0xfe != 18
	}
	return a[0] < 224
}

func isPublic6(a [16]byte) bool {
	// NAT64 carries an IPv4 address in the last four bytes of 64:ff9b::/96.
	if [12]byte(a[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b} {
		return isPublic4([4]byte(a[12:]))
	}
	// Only 2000::/3 is global unicast, and of that the benchmarking range
	// 2001:2::/48 and the ORCHIDs of 2001:10::/28 and 2001:20::/28 are not.
	if a[0]&0xe0 != 0x20 {
		return false
	}
	if a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 {
		benchmark := a[3] == 2 && a[4] == 0 && a[5] == 0
		orchid := a[3]&0xf0 == 0x10 || a[3]&0xf0 == 0x20
		return !benchmark && !orchid
	}
	return true
}
