package enrich

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/rules"
)

// An Engine enriches chunks of log events. It may be used concurrently. Make
// one with [Open] or [New], and end it with [Engine.Close].
type Engine struct {
	set     *rules.Set
	paths   *event.Paths
	cache   *misp.Cache
	layout  *layout
	verdict VerdictFields
	batches sync.Pool // of *batch
	stats   counters
	close   func() // what is behind the cache
}

// Open reads the options of a stanza (see [ParseOptions]) and returns an engine
// that asks the MISP they name. It does not connect. The error joins one error
// for every mistake.
func Open(property func(name string) (value string, set bool), log *slog.Logger) (*Engine, error) {
	o, mistakes := ParseOptions(property)
	o.MISP.Log, o.Cache.Log = log, log
	set, err := o.CompileRules()
	mistakes = errors.Join(mistakes, err)
	client, err := misp.NewClient(o.MISP)
	if mistakes = errors.Join(mistakes, err); mistakes != nil {
		return nil, mistakes
	}
	e, err := New(o, set, client)
	if err != nil {
		return nil, err
	}
	e.close = client.Close
	return e, nil
}

// New returns an engine that looks up in source what the rules of set find. It
// keeps a cache in front of the source, which stays the caller's to close,
// after the engine.
func New(o Options, set *rules.Set, source misp.Source) (*Engine, error) {
	paths, err := event.NewPaths(set.Paths())
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	o.Cache.Wait = o.MISP.Timeout
	o.Cache.BatchSize, o.Cache.MaxConcurrency = o.MISP.BatchSize, o.MISP.MaxConcurrency
	e := &Engine{
		set:     set,
		paths:   paths,
		cache:   misp.NewCache(source, o.Cache),
		layout:  newLayout(o),
		verdict: o.Verdict,
		close:   func() {},
	}
	var agents *rules.Agents
	if o.LearnAgents {
		agents = &rules.Agents{}
	}
	e.batches.New = func() any { return newBatch(paths, agents) }
	return e, nil
}

// Enrich adds fields to the records of a chunk that need some. The chunk is a
// view, only read, and not kept. If no record changes, modified is false and
// out is nil. Otherwise out is the whole new chunk, in memory that alloc gave:
// it is called once, with the exact size.
//
// Enrich takes about as long as one request to MISP may take, at most; ctx can
// end the wait sooner. What is not answered by then is unknown.
func (e *Engine) Enrich(ctx context.Context, chunk []byte, alloc func(size int) []byte) (out []byte, modified bool) {
	// A batch that panicked half-way is not put back.
	b := e.batches.Get().(*batch)
	b.scan(e.set, chunk)
	if len(b.indicators) > 0 {
		e.cache.Lookup(ctx, b.indicators, b.answers)
		b.edit(e, chunk)
	}
	if len(b.edits) > 0 {
		out = alloc(event.SplicedSize(chunk, b.edits))
		event.Splice(out, chunk, b.edits)
	}
	e.stats.add(b)
	b.forget()
	if len(chunk) <= maxKept && len(b.indicators) <= maxKeptIndicators {
		e.batches.Put(b)
	}
	return out, out != nil
}

// The memory for the work on a chunk is kept for the next one unless the chunk
// was larger than this: Fluent Bit's have at most about 2 MB, and some dozens
// of indicators in each of a thousand alerts.
const (
	maxKept           = 4 << 20
	maxKeptIndicators = 50_000
)

// Close ends every goroutine of the engine and closes its connections. Whoever
// is in Enrich gets unknown for what is not answered yet.
func (e *Engine) Close() {
	e.cache.Close()
	e.close()
}

// Writes reports whether a field of a record with this key is one that the
// engine adds, and replaces where it adds some.
func (e *Engine) Writes(key []byte) bool { return e.layout.writes(key) }
