package misp

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"

	"fluent-bit-misp/misp/ioc"
)

// A Client is a [Source] that asks MISP, many values in one request. While
// MISP does not answer, the client leaves it alone for a while, and says
// Unknown at once. It may be used concurrently. Make one with [NewClient].
type Client struct {
	cfg      Config
	endpoint string // of the search
	http     *http.Client
	slots    chan struct{} // holds one thing for each request under way
	hold     *holdoff
	guard    guard
	stats    clientStats

	pageRows int   // asked for at a time
	maxPages int   // read of one search
	maxBody  int64 // bytes read of one page
}

// An attribute with its event's tags takes 1 to 30 kB, so that a full page is
// well within its bound.
const (
	pageRows = 1000
	maxPages = 20
	maxBody  = 32 << 20
	maxRow   = 4 << 20
)

// NewClient returns a client for the MISP that cfg names. It does not connect.
// The error names every mistake in cfg, one on a line.
func NewClient(cfg Config) (*Client, error) {
	base, transport, err := cfg.check()
	if err != nil {
		return nil, err
	}
	cfg.URL = base.String()
	return &Client{
		cfg:      cfg,
		endpoint: cfg.URL + "/attributes/restSearch",
		http: &http.Client{
			Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
		slots:    make(chan struct{}, cfg.MaxConcurrency),
		hold:     &holdoff{name: cfg.URL, log: cfg.Log, now: cfg.Now},
		guard:    guard{log: cfg.Log, now: cfg.Now},
		pageRows: pageRows,
		maxPages: maxPages,
		maxBody:  maxBody,
	}, nil
}

// Close closes the connections that are not in use. It does not end look-ups:
// their contexts do.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Lookup implements [Source].
func (c *Client) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	var next atomic.Int64
	work := func() {
		for {
			end := int(next.Add(int64(c.cfg.BatchSize)))
			start := end - c.cfg.BatchSize
			if start >= len(indicators) {
				return
			}
			end = min(end, len(indicators))
			batch := answers[start:end]
			if !c.guard.run("a look-up", func() { c.lookupBatch(ctx, indicators[start:end], batch) }) {
				for i := range batch {
					batch[i] = Answer{Reason: BadAnswer}
				}
			}
		}
	}
	batches := (len(indicators) + c.cfg.BatchSize - 1) / c.cfg.BatchSize
	var workers sync.WaitGroup
	for range min(batches, c.cfg.MaxConcurrency) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
}

// lookupBatch answers what goes into one search.
func (c *Client) lookupBatch(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	q := newQuestion(indicators)
	if len(q.values) == 0 {
		clear(answers)
		return
	}
	complete, err := c.ask(ctx, q)
	for i := range answers {
		switch {
		case err != nil:
			answers[i] = Answer{Reason: err.Reason}
		case indicators[i].IsZero():
			answers[i] = Answer{}
		default:
			answers[i] = q.found[i].answer(complete)
		}
	}
}

// ask searches for q with the filters of the client, when it is q's turn and
// unless MISP is left alone.
func (c *Client) ask(ctx context.Context, q *question) (complete bool, err *Error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return false, c.gaveUp(ctx)
	}
	r := c.request(q.values)
	r.Type = q.types()
	r.ToIDs, r.Published = c.cfg.ToIDs.param(), c.cfg.Published.param()
	pass, err := c.hold.enter()
	if err != nil {
		c.stats.held.Add(uint64(len(q.values)))
		return false, err
	}
	complete, err = c.search(ctx, r, func(row *row) bool {
		if !c.passesToIDs(row) || !c.passesPublished(row) {
			return false
		}
		a := row.attribute(c.cfg.URL)
		return q.take(&a)
	})
	if err != nil && ctx.Err() != nil {
		c.hold.cancel(pass)
		return false, err
	}
	if err != nil {
		c.stats.failed(err.Reason)
	}
	c.hold.leave(pass, err)
	return complete, err
}

// gaveUp is the error of a look-up whose caller did not wait for it.
func (c *Client) gaveUp(ctx context.Context) *Error {
	return &Error{Reason: Timeout, URL: c.cfg.URL, Problem: "the look-up was given up before MISP answered", cause: ctx.Err()}
}

// passesToIDs and passesPublished report whether a filter lets a row through.
// What a row does not say, it is taken to be: MISP went by the filter.
func (c *Client) passesToIDs(r *row) bool {
	return r.ToIDs == absent || c.cfg.ToIDs.passes(r.ToIDs == on)
}

func (c *Client) passesPublished(r *row) bool {
	return r.Event.Published == absent || c.cfg.Published.passes(r.Event.Published == on)
}
