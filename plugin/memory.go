package main

/*
#include <stdlib.h>
#include "flb_abi.h"
*/
import "C"

import "unsafe"

// view returns the size bytes at data without copying them. They are the
// host's: valid until the call returns, and not to be changed.
func view(data unsafe.Pointer, size C.size_t) []byte {
	return unsafe.Slice((*byte)(data), int(size))
}

// A block is memory from the host's malloc that the host will free. The zero
// block is none.
type block struct {
	data unsafe.Pointer
	size int
}

// alloc allocates the block, once, and returns it as a slice. It panics when
// there is no memory, so that the caller's guard lets the chunk pass.
func (b *block) alloc(size int) []byte {
	if b.data != nil {
		panic("the output of one chunk was allocated twice")
	}
	b.data = C.misp_alloc(C.size_t(size))
	if b.data == nil {
		panic("out of memory")
	}
	b.size = size
	return unsafe.Slice((*byte)(b.data), size)
}

// give hands the block, of which filled is all or the beginning, to the host.
// It panics if filled is anything else, or empty, which the host would take for
// "drop every record".
func (b *block) give(filled []byte) (unsafe.Pointer, C.size_t) {
	if len(filled) == 0 || unsafe.Pointer(unsafe.SliceData(filled)) != b.data {
		panic("the output of a chunk is not the block that was allocated for it")
	}
	return b.data, C.size_t(len(filled))
}

// free frees the block if there is one.
func (b *block) free() {
	if b.data != nil {
		C.free(b.data)
		*b = block{}
	}
}
