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

// lookupBatch answers what goes into one search, or into several where values
// are long.
func (c *Client) lookupBatch(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	if half := len(indicators) / 2; half > 0 && size(indicators) > maxQuestion {
		c.lookupBatch(ctx, indicators[:half], answers[:half])
		c.lookupBatch(ctx, indicators[half:], answers[half:])
		return
	}
	left := make([]int, 0, len(indicators)) // where those stand that are to be asked for
	for i, indicator := range indicators {
		answers[i] = Answer{}
		if !indicator.IsZero() {
			left = append(left, i)
		}
	}
	var cut *server
	for round := 0; len(left) > 0 && round < maxRounds; round++ {
		if cut = c.lookupRound(ctx, indicators, answers, left); cut == nil {
			return
		}
		// A value that is in very many attributes hides what MISP knows of the
		// others, which are asked for without it.
		left = slices.DeleteFunc(left, func(i int) bool { return answers[i].Verdict == Known })
	}
	if len(left) > 0 {
		c.stats.failed(BadAnswer)
		cut.hold.mention(&Error{
			Reason:  BadAnswer,
			URL:     cut.url,
			Problem: fmt.Sprintf("it has more attributes than are read, so that the verdict on %d of %d values stays unknown", len(left), len(indicators)),
			Advice:  "lower batch_size",
		})
	}
}

// lookupRound answers those indicators of a batch whose places are given. It
// returns the MISP that has more attributes of them than are read, nil if there
// is none.
func (c *Client) lookupRound(ctx context.Context, indicators []ioc.Indicator, answers []Answer, places []int) (cut *server) {
	asked := make([]ioc.Indicator, len(places))
	for n, i := range places {
		asked[n] = indicators[i]
	}
	q := newQuestion(asked)
	from, complete, err := c.ask(ctx, q)
	for n, i := range places {
		if err != nil {
			answers[i] = Answer{Reason: err.Reason}
		} else {
			answers[i] = q.found[n].answer(complete && q.unread == 0)
		}
	}
	if complete {
		return nil
	}
	return from
}

// size returns how long the values of the indicators are, in bytes.
func size(indicators []ioc.Indicator) (n int) {
	for _, indicator := range indicators {
		n += len(indicator.Value())
	}
	return n
}
