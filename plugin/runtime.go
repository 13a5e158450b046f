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

// processors is how many of Go's threads may run at once.
var processors struct {
	sync.Mutex
	first int // without a thread of the host's
}

// mispCallingThreads lets Go run as many more threads at once as there are of the
// host's that have entered it; filter.c says why. It may be called concurrently.
//
//	void mispCallingThreads(int threads);
//
//export mispCallingThreads
func mispCallingThreads(threads C.int) {
	processors.Lock()
	defer processors.Unlock()
	now := runtime.GOMAXPROCS(0)
	if processors.first == 0 {
		processors.first = now
	}
	if wanted := processors.first + int(threads); wanted > now {
		runtime.GOMAXPROCS(wanted)
	}
}
