package main

/*
#include "flb_abi.h"
*/
import "C"

import (
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"
)

// mispOutputRegister fills in the definition of the output, and returns -1 if
// it cannot.
//
//	int mispOutputRegister(void *definition);
//
//export mispOutputRegister
func mispOutputRegister(definition unsafe.Pointer) (answer C.int) {
	answer = -1
	defer func() { _ = recover() }()
	return C.int(output.FLBPluginRegister(definition, "misp", "Enrich Wazuh's alerts from MISP and send them on"))
}

// mispOutputUnregister frees what mispOutputRegister allocated.
//
//	void mispOutputUnregister(void *definition);
//
//export mispOutputUnregister
func mispOutputUnregister(definition unsafe.Pointer) {
	defer func() { _ = recover() }()
	output.FLBPluginUnregister(definition)
}

// mispOutputInit refuses the section: the output is not there yet.
//
//	int mispOutputInit(struct flbgo_output_plugin *plugin);
//
//export mispOutputInit
func mispOutputInit(plugin *C.struct_flbgo_output_plugin) (answer C.int) {
	answer = C.output_error
	defer func() { _ = recover() }()
	log := newHostLog("output", C.GoString(C.flb_output_name(plugin.instance)), C.log_error)
	defer log.close()
	log.logger().Error("the output misp is not part of this release: use the filter misp, " +
		"with any of Fluent Bit's own outputs behind it")
	return answer
}
