package rules

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"fluent-bit-misp/misp/ioc"
)

// Networks is a set of addresses. The zero value is empty. It is ready to
// answer after compact.
type networks struct {
	private bool // every address that is not public
	spans   []span
}

// A span is the addresses from first to last, of one family.
type span struct{ first, last netip.Addr }

// add puts a CIDR, a single address or the word "private" into the set, and
// reports whether text is one of them.
func (n *networks) add(text string) bool {
	if strings.EqualFold(text, "private") {
		n.private = true
		return true
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return false
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < 96 {
			return false
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	n.spans = append(n.spans, span{prefix.Masked().Addr(), last(prefix)})
	return true
}

// last returns the highest address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// compact sorts the spans and joins those that overlap, so that has can search
// them.
func (n *networks) compact() {
	slices.SortFunc(n.spans, func(a, b span) int {
		return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last))
	})
	kept := n.spans[:0]
	for _, s := range n.spans {
		if k := len(kept) - 1; k >= 0 && !kept[k].last.Less(s.first) {
			if kept[k].last.Less(s.last) {
				kept[k].last = s.last
			}
			continue
		}
		kept = append(kept, s)
	}
	n.spans = kept
}

// has reports whether addr is in the set; addr is unmapped and has no zone.
func (n *networks) has(addr netip.Addr) bool {
	if n.private && !ioc.IsPublic(addr) {
		return true
	}
	after, found := slices.BinarySearchFunc(n.spans, addr, func(s span, a netip.Addr) int {
		return s.first.Compare(a)
	})
	return found || after > 0 && !n.spans[after-1].last.Less(addr)
}
