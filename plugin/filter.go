// The plugin is the shared object that Fluent Bit loads: as flb-filter_misp.so
// a filter, as out_misp.so (a symbolic link to it) an output. It translates
// between Fluent Bit's C interface and package enrich, which does the work,
// and decides nothing itself.
//
// Its one invariant: whatever happens in Go, Fluent Bit goes on, with the
// records that it had.
package main

/*
#cgo CFLAGS: -std=gnu11 -Wall -Wextra -fvisibility=hidden
#cgo LDFLAGS: -Wl,--wrap=pthread_create
#include "flb_abi.h"
*/
import "C"

import (
	"context"
	"runtime"
	"unsafe"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/metrics"
	"fluent-bit-misp/version"
)

// A filter is one [FILTER] section between its init and its exit.
type filter struct {
	engine      *enrich.Engine
	log         *hostLog
	guard       guard
	ctx         context.Context // ends at exit
	cancel      context.CancelFunc
	stopMetrics func()
}

var filters sections[filter]

// mispFilterInit opens the section. It returns the handle by which the host
// keeps the filter, 0 if an option is wrong; the log then names every mistake.
//
//	uintptr_t mispFilterInit(struct flb_filter_instance *section);
//
//export mispFilterInit
func mispFilterInit(section *C.struct_flb_filter_instance) (handle C.uintptr_t) {
	name := C.GoString(C.flb_filter_name(section))
	f := &filter{log: newHostLog("filter", name, section.log_level)}
	f.guard.log = f.log.logger()
	defer func() {
		if fault := recover(); fault != nil {
			f.guard.caught(fault)
		}
		if handle == 0 {
			f.log.close()
		} else {
			f.log.flush()
		}
	}()
	collectEarly()
	engine, err := enrich.Open(options(section), f.guard.log)
	if err != nil {
		f.guard.log.Error(err.Error())
		return 0
	}
	f.engine = engine
	f.guard.log.Info("fluent-bit-misp " + version.Get().String())
	f.stopMetrics = serveMetrics(metrics.Section{Name: "filter:" + name, Engine: engine, Panics: f.guard.count}, f.guard.log)
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return filters.open(f)
}

// mispFilter enriches the chunk of size bytes at data. When a record changes
// it sets *out and *outSize to a block that is the host's from then on and
// returns filter_modified, otherwise filter_not_touched. It may be called
// concurrently.
//
//	int mispFilter(uintptr_t handle, void *data, size_t size, void **out, size_t *outSize);
//
//export mispFilter
func mispFilter(handle C.uintptr_t, data unsafe.Pointer, size C.size_t, out *unsafe.Pointer, outSize *C.size_t) (answer C.int) {
	answer = C.filter_not_touched
	f := filters.of(handle)
	if f == nil {
		return answer
	}
	var b block
	defer func() {
		if fault := recover(); fault != nil {
			answer = C.filter_not_touched
			f.guard.caught(fault)
		}
		if answer == C.filter_not_touched {
			b.free()
		}
		f.log.flush()
	}()
	enriched, modified := f.engine.Enrich(f.ctx, view(data, size), b.alloc)
	if !modified {
		return answer
	}
	*out, *outSize = b.give(enriched)
	return C.filter_modified
}

// mispFilterExit ends the filter. When it returns, none of its goroutines runs
// and the handle is not valid any more.
//
//	void mispFilterExit(uintptr_t handle);
//
//export mispFilterExit
func mispFilterExit(handle C.uintptr_t) {
	f := filters.close(handle)
	if f == nil {
		return
	}
	defer f.log.close()
	defer func() {
		if fault := recover(); fault != nil {
			f.guard.caught(fault)
		}
	}()
	f.cancel()
	f.stopMetrics()
	f.engine.Close()
	f.guard.report()
	f.guard.log.Debug("closed", "goroutines", runtime.NumGoroutine(), "processors", runtime.GOMAXPROCS(0))
}

// main is never called, but a shared object of Go's needs one.
func main() {}
