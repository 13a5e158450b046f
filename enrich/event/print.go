package event

import "encoding/binary"

// A print is the first and the last eight bytes of a key; of a shorter one both
// are all of it. Keys of up to 16 bytes that have the same print and length are
// the same.
type print struct{ head, tail uint64 }

const (
	ones   = 0x0101010101010101
	noCase = 0x20 * ones
	dots   = '.' * ones
)

// printOf returns the print of the key b[i:end].
func printOf(b []byte, i, end int) print {
	if end < 8 || len(b)-i < 8 {
		return printAtEdge(b, i, end)
	}
	return printWithin(b, i, end)
}

// printWithin is printOf where the eight bytes from i on and those before end
// are within b.
func printWithin(b []byte, i, end int) print {
	beyond := uint(64-8*min(end-i, 8)) & 63 // bits that are not of the key
	return print{binary.LittleEndian.Uint64(b[i:]) << beyond >> beyond, binary.LittleEndian.Uint64(b[end-8:]) >> beyond}
}

// printAtEdge is printOf where there are no eight bytes to read.
//
//go:noinline
func printAtEdge(b []byte, i, end int) (p print) {
	for k := min(end, i+8) - 1; k >= i; k-- {
		p.head = p.head<<8 | uint64(b[k])
	}
	for k := end - 1; k >= max(i, end-8); k-- {
		p.tail = p.tail<<8 | uint64(b[k])
	}
	return p
}

// fold returns the print in which letters count without their case, and some
// other bytes are the same too.
func (p print) fold() print { return print{p.head | noCase, p.tail | noCase} }

// hasDot reports whether there is a dot in a print.
func (p print) hasDot() bool {
	head, tail := p.head^dots, p.tail^dots // a dot is 0 now
	return ((head-ones)&^head|(tail-ones)&^tail)&(0x80*ones) != 0
}
