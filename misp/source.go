// Package misp answers whether indicators are known: [Client] asks MISP,
// [Cache] remembers what it said. Both are a [Source], and a Source stands in
// front of the next one.
//
// The package does not know where indicators come from, nor what becomes of an
// answer. Its one invariant: Known and Clean are only ever said on MISP's
// word. Whatever else happens is Unknown, with the [Reason].
package misp

import (
	"context"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A Source answers whether indicators are known. Cache and client are
// Sources, each in front of the next.
//
// Lookup fills answers[i] for every indicators[i]; both slices have the same
// length and belong to the caller, and indicators may be views (see
// [ioc.Indicator]): a Source clones what it keeps. It returns at the latest
// soon after ctx ends; what is not known by then is Unknown with the reason.
// A Source never fails as a whole and may be used concurrently.
type Source interface {
	Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer)
}

// An Answer is what a Source says of one indicator. The zero Answer is
// Unknown without a reason.
type Answer struct {
	Verdict Verdict
	Reason  Reason // why the verdict is Unknown
	Hit     *Hit   // set if and only if the verdict is Known; shared, read-only

	// Age is how long ago MISP gave the answer, if that is longer than it
	// counts: a hit still serves while MISP cannot be asked. Otherwise 0.
	Age time.Duration
}

// Final reports whether it is of no use to ask again soon: there is a verdict, or MISP
// refuses the value.
func (a *Answer) Final() bool { return a.Verdict != Unknown || a.Reason == Refused }

// A Verdict is one of three: that MISP knows an indicator, that it does not,
// and that it could not be asked.
type Verdict uint8

const (
	Unknown Verdict = iota
	Clean
	Known
	numVerdicts
)

// String returns the word that records and reports use.
func (v Verdict) String() string { return [...]string{"unknown", "clean", "hit"}[v] }

// A Reason says in one stable word why MISP could not be asked; it is what a
// record's misp_error holds.
type Reason string

const (
	Timeout     Reason = "timeout"
	Unreachable Reason = "unreachable"
	Forbidden   Reason = "forbidden"
	RateLimited Reason = "rate_limited"
	ServerError Reason = "server_error"
	BadAnswer   Reason = "bad_answer"
	TooMany     Reason = "too_many"
	QueueFull   Reason = "queue_full" // too many values wait to be asked for
	Refused     Reason = "refused"    // MISP failed at this value alone, more than once, while it answered others
)
