package main

import "C"

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// Go's runtime is the plugin's own: the host has no part in what is set here.

// collectEarly has Go's heap grow by a quarter between two collections, not to
// twice its size: nearly all of it is the cache, and stays. Alerts whose values
// are in the cache allocate nothing, so it costs little. GOGC, if set, has its way.
var collectEarly = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
})

// processors guards how many of Go's threads may run at once.
var processors sync.Mutex

// mispCallingThreads lets one more of Go's threads run at once than there are
// threads of the host's that have entered it, and another one, as a thread that
// waits for a disk counts too; filter.c says why. Where that is less than Go has by
// itself, on a machine with more processors, Go goes on as it is. It may be called
// concurrently, and stops what runs in Go for a moment.
//
//	void mispCallingThreads(int threads);
//
//export mispCallingThreads
func mispCallingThreads(threads C.int) {
	processors.Lock()
	defer processors.Unlock()
	if wanted := int(threads) + 2; wanted > runtime.GOMAXPROCS(0) {
		runtime.GOMAXPROCS(wanted)
	}
}
