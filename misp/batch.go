package misp

import (
	"context"
	"fmt"
	"slices"

	"fluent-bit-misp/misp/ioc"
)

// maxQuestion bounds the values of one search, in bytes: many web servers take
// no request of more than 1 MB.
const maxQuestion = 512 << 10

// maxRounds bounds how often values are asked for without those that have too
// many attributes.
const maxRounds = 3

// A batch is what goes into one search, or into several where values are long or
// offend.
type batch struct {
	indicators []ioc.Indicator
	answers    []Answer
	failed     int // searches, because of their values
	why        Reason
}

// maxFailed bounds the searches of a batch that may fail because of their values. To
// find one among 500 takes ten.
const maxFailed = 24

// lookupBatch answers a batch. Values that have failed alone are asked for alone,
// after the others.
func (c *Client) lookupBatch(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	b := &batch{indicators: indicators, answers: answers}
	places, apart := make([]int, 0, len(indicators)), []int(nil)
	for i, indicator := range indicators {
		answers[i] = Answer{}
		switch {
		case indicator.IsZero():
		case c.offenders.has(indicator):
			apart = append(apart, i)
		default:
			places = append(places, i)
		}
	}
	c.lookupPlaces(ctx, b, places, false)
	for _, i := range apart {
		c.lookupPlaces(ctx, b, []int{i}, true)
		if answers[i].Verdict != Unknown {
			c.offenders.forget(indicators[i])
		}
	}
}

// lookupPlaces answers those indicators of a batch whose places are given, which may
// be a part of those of a search that failed because of its values.
func (c *Client) lookupPlaces(ctx context.Context, b *batch, places []int, part bool) {
	if b.failed >= maxFailed {
		for _, i := range places {
			b.answers[i] = Answer{Reason: b.why}
		}
		return
	}
	if half := len(places) / 2; half > 0 && b.size(places) > maxQuestion {
		c.lookupPlaces(ctx, b, places[:half], part)
		c.lookupPlaces(ctx, b, places[half:], part)
		return
	}
	var cut *server
	for round := 0; len(places) > 0 && round < maxRounds; round++ {
		from, complete, err := c.lookupRound(ctx, b, places, part)
		switch {
		case err != nil && err.values:
			c.blame(ctx, b, places, from, err)
			return
		case err != nil || complete:
			return
		}
		cut = from
		// A value that is in very many attributes hides what MISP knows of the
		// others, which are asked for without it.
		places = slices.DeleteFunc(places, func(i int) bool { return b.answers[i].Verdict == Known })
	}
	if len(places) > 0 {
		c.stats.failed(BadAnswer)
		cut.hold.mention(&Error{
			Reason:  BadAnswer,
			URL:     cut.url,
			Problem: fmt.Sprintf("it has more attributes than are read, so that the verdict on %d of %d values stays unknown", len(places), len(b.indicators)),
			Advice:  "lower batch_size",
		})
	}
}

// lookupRound asks for the indicators at some places in one search.
func (c *Client) lookupRound(ctx context.Context, b *batch, places []int, part bool) (from *server, complete bool, err *Error) {
	asked := make([]ioc.Indicator, len(places))
	for n, i := range places {
		asked[n] = b.indicators[i]
	}
	q := newQuestion(asked)
	from, complete, err = c.ask(ctx, q, part)
	for n, i := range places {
		if err != nil {
			b.answers[i] = Answer{Reason: err.Reason}
		} else {
			b.answers[i] = q.found[n].answer(complete && q.unread == 0)
		}
	}
	return from, complete, err
}

// blame asks for the values of a search that failed because of one of them, in two
// parts: those that are above suspicion and the others, or halves.
func (c *Client) blame(ctx context.Context, b *batch, places []int, from *server, err *Error) {
	b.failed++
	b.why = err.Reason
	if len(places) == 1 {
		c.blameOne(b, places[0], from, err)
		return
	}
	var plain, others []int
	for _, i := range places {
		if isPlain(b.indicators[i].Value()) {
			plain = append(plain, i)
		} else {
			others = append(others, i)
		}
	}
	if len(plain) == 0 || len(others) == 0 {
		half := len(places) / 2
		plain, others = places[:half], places[half:]
	}
	c.lookupPlaces(ctx, b, plain, true)
	c.lookupPlaces(ctx, b, others, true)
}

// blameOne notes a value that has failed alone. If it does so again, MISP refuses it:
// that is not just a moment of weakness.
func (c *Client) blameOne(b *batch, place int, from *server, err *Error) {
	indicator := b.indicators[place]
	if c.offenders.add(indicator) >= refusedAfter && !err.elsewhere {
		b.answers[place] = Answer{Reason: Refused}
	}
	from.hold.mention(&Error{
		Reason:  Refused,
		URL:     from.url,
		Problem: fmt.Sprintf("%s to a search for %q, while it answers others", err.Problem, clip(indicator.String(), maxSaid)),
		Advice:  "if something in front of MISP takes it for an attack, let searches pass there; " + adviseServer,
	})
}

// size returns how long the values at some places are, in bytes.
func (b *batch) size(places []int) (n int) {
	for _, i := range places {
		n += len(b.indicators[i].Value())
	}
	return n
}
