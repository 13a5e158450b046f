package event

import "golang.org/x/sys/cpu"

// quick is whether the processor has what alongQuickly uses.
var quick = cpu.X86.HasAVX2 && cpu.X86.HasBMI2

// along goes along the parts from the k-th on, which begins at b[i], and fills in
// the places. It returns the number of parts and where the last one ends; if they
// are not in b, -1 and -1; if it cannot tell, or does not want to, as in the last
// bytes of b or with a value that is seldom there, how far it came: a part and
// where it begins.
func along(b []byte, i int, fixed []byte, parts []part, k int, places *places) (part, at int) {
	if !quick {
		return k, i
	}
	return alongQuickly(b, i, fixed, parts, k, places)
}

// alongQuickly is along for a processor that is quick. It reads up to readAhead
// bytes behind a part, in b and in fixed.
//
//go:noescape
func alongQuickly(b []byte, i int, fixed []byte, parts []part, k int, places *places) (part, at int)
