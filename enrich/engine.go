package enrich

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/rules"
)

// An Engine enriches chunks of log events. It may be used concurrently. Make
// one with [Open] or [New], and end it with [Engine.Close].
type Engine struct {
	set         *rules.Set
	paths       *event.Paths
	client      *misp.Client // nil if the cache asks another source
	cache       *misp.Cache
	settled     *rules.Settled // nil if every value is looked up
	layout      *layout
	verdict     VerdictFields
	wait        time.Duration // the longest that a chunk may take
	urgentLevel int
	metrics     string // where they are to be served
	late        *follower
	batches     sync.Pool // of *batch
	guard       guard
	stats       counters
	closers     []func() // in the order in which they are called
}

// Open reads the options of a stanza (see [ParseOptions]) and returns an engine
// that asks the MISP they name. It does not connect. The error joins one error
// for every mistake.
func Open(property func(name string) (value string, set bool), log *slog.Logger) (*Engine, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o, mistakes := ParseOptions(property)
	o.MISP.Log, o.Cache.Log = log, log
	set, rulesErr := o.CompileRules()
	answers, release, mispErr := openStack(o)
	storage, storageErr := openStorage(o, log)
	if err := errors.Join(mistakes, rulesErr, mispErr, storageErr); err != nil {
		release()
		storage.close()
		return nil, err
	}
	e, err := newEngine(o, set, answers.client, answers.cache, storage, log)
	if err != nil {
		release()
		return nil, err
	}
	e.closers = append(e.closers, release)
	for _, warning := range o.Warnings {
		log.Warn(warning)
	}
	return e, nil
}

// New returns an engine that looks up in source what the rules of set find. It
// keeps a cache in front of the source, which stays the caller's to close,
// after the engine.
func New(o Options, set *rules.Set, source misp.Source) (*Engine, error) {
	log := o.Cache.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	storage, err := openStorage(o, log)
	if err != nil {
		return nil, err
	}
	cache := misp.NewCache(source, o.Cache)
	e, err := newEngine(o, set, nil, cache, storage, log)
	if err != nil {
		cache.Close()
		return nil, err
	}
	e.closers = append(e.closers, cache.Close)
	return e, nil
}

// newEngine returns an engine that looks up in cache, which asks the client if
// there is one; both are the caller's to close, after the engine. The storage is
// the engine's, or closed on an error.
func newEngine(o Options, set *rules.Set, client *misp.Client, cache *misp.Cache, storage storage, log *slog.Logger) (*Engine, error) {
	paths, err := event.NewPaths(set.Paths())
	if err != nil {
		storage.close()
		return nil, fmt.Errorf("rules: %w", err)
	}
	e := &Engine{
		set:         set,
		paths:       paths,
		client:      client,
		cache:       cache,
		layout:      newLayout(o),
		verdict:     o.Verdict,
		wait:        o.MaxWait,
		urgentLevel: o.UrgentLevel,
		metrics:     o.MetricsListen,
	}
	e.guard.log = log
	e.stats.open(set)
	var agents *rules.Agents
	if o.LearnAgents {
		agents = &rules.Agents{}
	}
	if o.Verdict != VerdictAll { // which says what is clean
		e.settled = rules.NewSettled(cache.Size())
	}
	var batches atomic.Uint32
	e.batches.New = func() any {
		b := newBatch(paths, agents)
		b.part = int(batches.Add(1) % uint32(len(e.stats.tallies)))
		return b
	}
	if storage.dir != "" {
		if control, err := listen(storage.dir, cache, &e.guard); err != nil {
			log.Warn("storage_path: mispctl purge will not work: " + err.Error())
		} else {
			e.closers = append(e.closers, control.close)
		}
	}
	away := func() bool { return client != nil && client.Away() }
	e.late = newFollower(storage, cache, away, e.layout, &e.guard)
	e.closers = append(e.closers, e.late.close)
	return e, nil
}

// Enrich adds fields to the records of a chunk that need some, and late hits
// that wait behind them. The chunk is a view, only read, and not kept. If
// nothing changes, modified is false and out is nil. Otherwise out is the whole
// new chunk, in memory that alloc gave: it is called once, with the exact size.
//
// Enrich takes max_wait at most, whatever MISP and the disk do, or 25 ms if that
// is longer and the disk does not answer; ctx can end the wait sooner. What is
// not answered by then is unknown, and followed up.
func (e *Engine) Enrich(ctx context.Context, chunk []byte, alloc func(size int) []byte) (out []byte, modified bool) {
	budget := budget{begin: time.Now(), wait: e.wait}
	b := e.lookUp(ctx, chunk, budget)
	e.store(ctx, b, chunk, budget)
	out, late := e.write(b, chunk, alloc)
	e.count(b)
	e.keep(b, chunk)
	if late != nil {
		e.late.outbox.handed(late, true)
	}
	return out, out != nil
}

// Deliver is Enrich for a caller who sees to it that the chunk arrives, and
// comes again with one that does not. It calls deliver once, with the new chunk
// or with the chunk as it was, how many of its events Events counts, and in how
// many of them something is not answered, and returns what that does: whether
// the chunk has arrived. If not, nothing of it is counted or followed up, and
// the late hits in it wait for another chunk.
//
// For the disk that takes what is followed up, Deliver waits as long as Enrich
// may take, if it has to.
func (e *Engine) Deliver(ctx context.Context, chunk []byte, alloc func(size int) []byte, deliver func(out []byte, events, open int) bool) (delivered bool) {
	b := e.lookUp(ctx, chunk, budget{begin: time.Now(), wait: e.wait})
	out, late := e.write(b, chunk, alloc)
	if late != nil {
		defer func() { e.late.outbox.handed(late, delivered) }()
	}
	if out == nil {
		out = chunk
	}
	if delivered = deliver(out, b.events, len(b.open)); delivered {
		e.count(b)
		e.store(ctx, b, chunk, budget{begin: time.Now(), wait: e.wait})
	}
	e.keep(b, chunk)
	return delivered
}

// lookUp returns a batch with what there is to say about a chunk. It is to be
// given back to keep, unless something in between panics.
func (e *Engine) lookUp(ctx context.Context, chunk []byte, budget budget) *batch {
	b := e.batches.Get().(*batch)
	b.scan(e, chunk)
	if len(b.looked) > 0 {
		if e.cache.Peek(b.indicators, b.answers) > 0 {
			e.ask(ctx, b, chunk, budget)
		}
		b.edit(e, chunk)
	}
	if b.extraction.Unsettled() {
		b.settle(e.cache)
	}
	return b
}

// count counts what was done for a chunk.
func (e *Engine) count(b *batch) {
	if skipped := e.stats.tallies.add(b); skipped > 0 {
		e.cache.CountClean(skipped, b.part)
	}
}

// keep keeps the memory of a batch for another chunk.
func (e *Engine) keep(b *batch, chunk []byte) {
	b.forget()
	if len(chunk) <= maxKept && len(b.indicators) <= maxKeptIndicators {
		e.batches.Put(b)
	}
}

// write writes the new chunk if there is one, with late hits that wait.
func (e *Engine) write(b *batch, chunk []byte, alloc func(size int) []byte) (out []byte, late []*lateHit) {
	var size int
	// Behind what is not msgpack to the end, nobody would find them.
	if b.events > 0 && b.end == len(chunk) {
		late, size = e.late.outbox.take()
	}
	if len(b.edits) == 0 && late == nil {
		return nil, nil
	}
	defer func() {
		if out == nil && late != nil { // a panic
			e.late.outbox.handed(late, false)
		}
	}()
	spliced := event.SplicedSize(chunk, b.edits)
	memory := alloc(spliced + size)
	event.Splice(memory, chunk, b.edits)
	return appendLate(memory[:spliced], late, time.Now()), late
}

// The memory for the work on a chunk is kept for the next one unless the chunk
// was larger than this: Fluent Bit's have at most about 2 MB, and some dozens
// of indicators in each of a thousand alerts.
const (
	maxKept           = 4 << 20
	maxKeptIndicators = 50_000
)

// Close ends every goroutine of the engine and closes its connections, within
// two seconds. Whoever is in Enrich gets unknown for what is not answered yet.
// What is to be followed up is on disk, if there is a storage_path.
func (e *Engine) Close() {
	for _, close := range e.closers {
		close()
	}
}

// Writes reports whether a field of a record with this key is one that the
// engine adds, and replaces where it adds some.
func (e *Engine) Writes(key []byte) bool { return e.layout.writes(key) }
