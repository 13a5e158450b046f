package main

/*
#include <stdlib.h>
#include "flb_abi.h"
*/
import "C"

import "unsafe"

// options returns a function that looks up the options of a section by name,
// for as long as the section's init runs. Fluent Bit has filled in the
// environment variables and takes names in any case.
func options(section *C.struct_flb_filter_instance) func(name string) (value string, set bool) {
	return func(name string) (string, bool) {
		key := C.CString(name)
		defer C.free(unsafe.Pointer(key))
		value := C.flb_filter_get_property(key, section)
		return C.GoString(value), value != nil
	}
}
