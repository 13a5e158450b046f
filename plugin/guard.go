package main

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// A guard keeps a defect of the plugin from ending Fluent Bit. Every function
// that C calls for a section recovers by one and then gives its safe answer. It may
// be used concurrently.
type guard struct {
	log     *slog.Logger
	defects atomic.Int64
}

// caught counts a recovered panic and logs the first one, with its stack.
func (g *guard) caught(fault any) {
	if g.defects.Add(1) > 1 {
		return
	}
	g.log.Error("a defect of the plugin was caught, what it was about passes unchanged; "+
		"further ones are only counted", "panic", fault)
	g.log.Error(string(debug.Stack()))
}

// count returns how many defects were caught.
func (g *guard) count() uint64 { return uint64(g.defects.Load()) }

// report logs how many defects were caught, if any were.
func (g *guard) report() {
	if n := g.defects.Load(); n > 0 {
		g.log.Warn("defects of the plugin were caught", "count", n)
	}
}
