package rules

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is how much of memory the processor can know as one page instead of 512.
// The size is that of amd64; where it is another the kernel takes what it can.
const hugePage = 2 << 20

// newLines returns memory for a table, all of it there: in huge pages if the kernel
// has some and the table is not smaller than one. The lines of a table are read in
// no order, and it takes longer to find a page that was not used lately than to
// read from it.
func newLines(n int) []line {
	const size = int(unsafe.Sizeof(line{}))
	const perPage = hugePage / size
	if n < perPage {
		return make([]line, n)
	}
	lines := make([]line, n+perPage)
	begin := int(-uintptr(unsafe.Pointer(&lines[0]))%hugePage) / size
	lines = lines[begin : begin+n : begin+n]
	// It is advice: without huge pages the table is as good, and slower.
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Pointer(&lines[0])), n*size), unix.MADV_HUGEPAGE)
	clear(lines) // now, and not when an alert waits, the kernel looks for the pages
	return lines
}
