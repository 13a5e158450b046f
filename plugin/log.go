package main

/*
#include <stdlib.h>
#include "flb_abi.h"
*/
import "C"

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unsafe"
)

// A hostLog writes the lines of one section to Fluent Bit's log, each with the
// prefix that Fluent Bit's own plugins have. It may be used concurrently.
//
// Only threads of Fluent Bit's own reach a log_file, others write to stderr.
// So the lines of a goroutine wait for the next call by the host, which
// flushes them, but no longer than patience.
type hostLog struct {
	prefix string // "[filter:misp:misp.0] "
	level  C.int  // print what is at most this

	some    atomic.Bool // lines wait
	mu      sync.Mutex
	waiting []logLine
	timer   *time.Timer // set while lines wait
	closed  bool        // no line waits any more
}

type logLine struct {
	level C.int
	text  string
}

const (
	patience   = time.Second
	maxWaiting = 100 // lines
)

func newHostLog(kind, name string, level C.int) *hostLog {
	return &hostLog{prefix: "[" + kind + ":misp:" + name + "] ", level: level}
}

// logger returns a logger whose records become lines of l.
func (l *hostLog) logger() *slog.Logger { return slog.New(logHandler{log: l}) }

// write prints text, each of its lines as one of the log's, or lets it wait.
func (l *hostLog) write(level C.int, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(text) {
		l.waiting = append(l.waiting, logLine{level, strings.TrimSuffix(line, "\n")})
	}
	l.some.Store(len(l.waiting) > 0)
	switch {
	case l.closed || C.misp_on_host_thread() != 0 || len(l.waiting) > maxWaiting:
		l.print()
	case l.timer == nil:
		l.timer = time.AfterFunc(patience, l.flush)
	}
}

// flush prints what waits. Every call by the host ends with it.
func (l *hostLog) flush() {
	if !l.some.Load() { // nearly always, and threads do not meet at a lock
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print()
}

// close prints what waits; from now on nothing does.
func (l *hostLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.print()
}

// print prints what waits; l.mu is held.
func (l *hostLog) print() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	for _, line := range l.waiting {
		text := C.CString(l.prefix + strings.Map(printable, line.text))
		C.misp_log(line.level, text)
		C.free(unsafe.Pointer(text))
	}
	l.waiting = l.waiting[:0]
	l.some.Store(false)
}

// printable keeps what could forge a line or drive a terminal out of the log.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// A logHandler makes a line of a record: the message, then key=value for each
// attribute, quoted where that is needed.
type logHandler struct {
	log   *hostLog
	attrs string // of With, as they are printed
	group string // "a.b." within WithGroup
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return hostLevel(level) <= h.log.level
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	h.log.write(hostLevel(r.Level), h.text(r))
	return nil
}

func (h logHandler) text(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, h.group, a)
		return true
	})
	return b.String()
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		writeAttr(&b, h.group, a)
	}
	h.attrs = b.String()
	return h
}

func (h logHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}

// writeAttr writes " key=value", for a group that of each of its attributes.
func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range value.Group() {
			writeAttr(b, group, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	text := value.String()
	if text == "" || strings.ContainsFunc(text, needsQuotes) {
		text = strconv.Quote(text)
	}
	b.WriteString(" " + group + a.Key + "=" + text)
}

func needsQuotes(r rune) bool {
	return r == ' ' || r == '"' || r == '=' || !unicode.IsPrint(r)
}

// hostLevel returns Fluent Bit's level for one of slog's.
func hostLevel(level slog.Level) C.int {
	switch {
	case level >= slog.LevelError:
		return C.log_error
	case level >= slog.LevelWarn:
		return C.log_warn
	case level >= slog.LevelInfo:
		return C.log_info
	}
	return C.log_debug
}
