package rules

import "math/bits"

// A bitset is a set of rows. All of one Set have the same length.
type bitset []uint64

func newBitset(rows int) bitset { return make(bitset, (rows+63)/64) }

func (b bitset) set(i int)   { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int) { b[i/64] &^= 1 << (i % 64) }

func (b bitset) has(i int) bool { return b != nil && b[i/64]>>(i%64)&1 != 0 }

func (b bitset) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// add puts the rows of o into b; a nil o has none.
func (b bitset) add(o bitset) {
	for i, w := range o {
		b[i] |= w
	}
}

func (b bitset) keep(o bitset) {
	for i, w := range o {
		b[i] &= w
	}
}

// within reports whether every row of b is in o.
func (b bitset) within(o bitset) bool {
	for i, w := range b {
		if w&^o[i] != 0 {
			return false
		}
	}
	return true
}

// rank returns how many rows of b come before i.
func (b bitset) rank(i int) int {
	n := bits.OnesCount64(b[i/64] & (1<<(i%64) - 1))
	for _, w := range b[:i/64] {
		n += bits.OnesCount64(w)
	}
	return n
}
