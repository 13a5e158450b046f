package event

import (
	"unsafe"

	"golang.org/x/sys/cpu"

	"fluent-bit-misp/rules/fields"
)

// What compareQuickly goes by: the sizes of a part and of a block, and that a Layout
// begins with the plan.
var (
	_ [8]byte  = [unsafe.Sizeof(part{})]byte{}
	_ [64]byte = [block]byte{}
	_ [0]byte  = [unsafe.Offsetof(fields.Layout{}.Plan)]byte{}
)

// quick is whether the processor has what compareQuickly uses.
var quick = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2

// compare goes along the parts of l from the k-th on, which begins at b[i], and fills
// in the places. It returns the number of parts and where the last one ends; if b does
// not have them, -1 and -1; if it cannot tell, as in the last bytes of b or with a
// value of a format that is seldom there, a part that it came to, and where it
// begins.
func compare(b []byte, i int, l *layout, k int, places *places) (at, offset int) {
	if !quick || len(b) < readAhead {
		return k, i
	}
	return compareQuickly(b, i, l, k, places)
}

// compareQuickly is compare for a processor that is quick. B has readAhead bytes at
// least. In what is fixed it reads as many before and behind the parts.
//
//go:noescape
func compareQuickly(b []byte, i int, l *layout, k int, places *places) (at, offset int)

// prefetch has l come from memory while other work goes on.
//
//go:noescape
func prefetch(l *layout)
