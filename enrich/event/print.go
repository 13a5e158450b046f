package event

import (
	"encoding/binary"
	"math/bits"
)

// A print is the beginning and the end of a key, eight bytes each, in which
// letters count without their case. Keys that are the same but for the case of
// letters have the same print; those of up to 16 bytes that have the same print
// and length are nearly always the same.
type print struct{ head, tail uint64 }

const (
	ones   = 0x0101010101010101
	noCase = 0x20 * ones
	dots   = '.' * ones
)

// words returns the first and the last eight bytes of the key b[i:end]; of a
// shorter one both are all of it.
func words(b []byte, i, end int) (head, tail uint64) {
	beyond := uint(64 - 8*min(end-i, 8)) // bits that are not of the key
	if end >= 8 && len(b)-i >= 8 {
		head = binary.LittleEndian.Uint64(b[i:]) << beyond >> beyond
		return head, binary.LittleEndian.Uint64(b[end-8:]) >> beyond
	}
	for k := min(end, i+8) - 1; k >= i; k-- {
		head = head<<8 | uint64(b[k])
	}
	for k := end - 1; k >= max(i, end-8); k-- {
		tail = tail<<8 | uint64(b[k])
	}
	return head, tail
}

// printOf returns the print of a key.
func printOf(key string) print {
	head, tail := words([]byte(key), 0, len(key))
	return print{head | noCase, tail | noCase}
}

// hash mixes a print; the upper bits are the better ones.
func (p print) hash() uint64 {
	return (p.head ^ bits.RotateLeft64(p.tail, 29)) * 0x9e3779b97f4a7c15
}

// hasDot reports whether there is a dot in words.
func hasDot(head, tail uint64) bool {
	head, tail = head^dots, tail^dots // a dot is 0 now
	return ((head-ones)&^head|(tail-ones)&^tail)&(0x80*ones) != 0
}
