package main

/*
#include "flb_abi.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	flb "github.com/fluent/fluent-bit-go/output"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/enrich/metrics"
	"fluent-bit-misp/version"
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
	return C.int(flb.FLBPluginRegister(definition, "misp", "Enrich Wazuh's alerts from MISP and send them on"))
}

// mispOutputUnregister frees what mispOutputRegister allocated.
//
//	void mispOutputUnregister(void *definition);
//
//export mispOutputUnregister
func mispOutputUnregister(definition unsafe.Pointer) {
	defer func() { _ = recover() }()
	flb.FLBPluginUnregister(definition)
}

// An output is one [OUTPUT] section between its init and its exit.
type output struct {
	delivery
	log         *hostLog
	cancel      context.CancelFunc
	stopMetrics func()
}

var outputs sections[output]

// mispOutputInit opens the section. It returns the handle by which the host
// keeps the output, 0 if an option is wrong; the log then names every mistake.
//
//	uintptr_t mispOutputInit(struct flbgo_output_plugin *plugin);
//
//export mispOutputInit
func mispOutputInit(plugin *C.struct_flbgo_output_plugin) (handle C.uintptr_t) {
	name := C.GoString(C.flb_output_name(plugin.instance))
	o := &output{log: newHostLog("output", name, outputLevel(plugin.instance))}
	o.guard.log = o.log.logger()
	defer func() {
		if fault := recover(); fault != nil {
			o.guard.caught(fault)
		}
		if handle == 0 {
			o.log.close()
		} else {
			o.log.flush()
		}
	}()
	if err := o.open(outputOptions(plugin)); err != nil {
		o.guard.log.Error(err.Error())
		return 0
	}
	o.guard.log.Info("fluent-bit-misp " + version.Get().String())
	o.stopMetrics = serveMetrics(metrics.Section{Name: "output:" + name, Engine: o.engine, Panics: o.guard.count, Output: o.stats}, o.guard.log)
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return outputs.open(o)
}

// open reads the options. The error joins one error for every mistake.
func (o *output) open(property func(name string) (value string, set bool)) error {
	cfg, mistakes := forward.ParseOptions(property)
	switch value, set := property("on_unknown"); {
	case set && strings.EqualFold(value, "retry"):
		o.retryUnknown = true
	case set && !strings.EqualFold(value, "send"):
		mistakes = errors.Join(mistakes, fmt.Errorf("on_unknown %q: want send or retry", value))
	}
	collectEarly()
	engine, err := enrich.Open(property, o.guard.log)
	if err = errors.Join(err, mistakes); err != nil {
		if engine != nil {
			engine.Close()
		}
		return err
	}
	cfg.Log = o.guard.log
	o.engine, o.sender = engine, forward.New(cfg)
	return nil
}

// mispOutputFlush enriches the chunk of size bytes at data and sends it on:
// output_ok if a target has said that it has it, otherwise output_retry, as
// every chunk can still be delivered. It may be called concurrently.
//
//	int mispOutputFlush(uintptr_t handle, void *data, size_t size, char *tag);
//
//export mispOutputFlush
func mispOutputFlush(handle C.uintptr_t, data unsafe.Pointer, size C.size_t, tag *C.char) (answer C.int) {
	answer = C.output_retry
	o := outputs.of(handle)
	if o == nil {
		return answer
	}
	defer func() {
		if fault := recover(); fault != nil {
			answer = C.output_retry
			o.guard.caught(fault)
		}
		o.log.flush()
	}()
	// Go takes the stack of this coroutine for larger than it is. Another
	// goroutine has a thread of its own to work on.
	delivered := make(chan bool)
	go func() { delivered <- o.deliver(C.GoString(tag), view(data, size)) }()
	if <-delivered {
		return C.output_ok
	}
	return answer
}

// mispOutputExit ends the output. When it returns, none of its goroutines runs
// and the handle is not valid any more.
//
//	void mispOutputExit(uintptr_t handle);
//
//export mispOutputExit
func mispOutputExit(handle C.uintptr_t) {
	o := outputs.close(handle)
	if o == nil {
		return
	}
	defer o.log.close()
	defer func() {
		if fault := recover(); fault != nil {
			o.guard.caught(fault)
		}
	}()
	o.cancel()
	o.stopMetrics()
	o.sender.Close()
	o.engine.Close()
	o.guard.report()
	o.guard.log.Debug("closed", "goroutines", runtime.NumGoroutine(), "processors", runtime.GOMAXPROCS(0))
}

// outputOptions returns a function that looks up the options of a section by
// name, for as long as the section's init runs.
//
// What begins with tls. Fluent Bit keeps to itself in an [OUTPUT] section: there
// the engine's options of that name are called misp.tls.
func outputOptions(plugin *C.struct_flbgo_output_plugin) func(name string) (value string, set bool) {
	return func(name string) (string, bool) {
		if strings.HasPrefix(name, "tls.") {
			name = "misp." + name
		}
		value := flb.FLBPluginConfigKey(unsafe.Pointer(plugin), name)
		return value, value != ""
	}
}

// outputLevel returns the level up to which a section logs.
func outputLevel(section *C.struct_flb_output_instance) C.int {
	for level := C.int(C.log_debug); level > 0; level-- {
		if C.flb_output_log_check(section, level) != 0 {
			return level
		}
	}
	return 0
}
