package misp

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// A Client is a [Source] that asks MISP, many values in one request. Where
// there are several, it asks the first that answers.
//
// A search that fails is tried again where that may help, as long as its
// context allows. While a MISP does not answer, the client leaves it alone for
// a while; if there is no other, it says Unknown at once.
//
// A look-up ends by itself: each request takes Timeout at most, and a search of
// many pages four times as long; it is tried a few times.
//
// A Client may be used concurrently. Make one with [NewClient].
type Client struct {
	cfg     Config
	servers []*server // in the order in which they are asked
	http    *http.Client
	turns   turns // one for each search under way
	guard   guard

	offenders offenders
	stats     clientStats
	stop      context.Context // ends with the client
	cancel    context.CancelFunc

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

// NewClient returns a client for the MISPs that cfg names. It does not connect.
// The error names every mistake in cfg, one on a line.
func NewClient(cfg Config) (*Client, error) {
	urls, transport, err := cfg.check()
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg,
		http: &http.Client{
			Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
		turns:    turns{free: cfg.MaxConcurrency},
		guard:    guard{log: cfg.Log, now: cfg.Now},
		pageRows: pageRows,
		maxPages: maxPages,
		maxBody:  maxBody,
	}
	for _, url := range urls {
		c.servers = append(c.servers, newServer(url, &cfg))
	}
	c.stop, c.cancel = context.WithCancel(context.Background())
	// Half, so that a connection that does not come about costs a try of the
	// search, and there is time for a second address of the same name.
	transport.DialContext = dialer(c.stop, cfg.Timeout/2)
	return c, nil
}

// Close ends the look-ups under way, which say Unknown, and closes every
// connection, also those that are still being made.
func (c *Client) Close() {
	c.cancel()
	c.http.CloseIdleConnections()
}

// Away reports whether all MISPs are left alone at the moment, so that asking
// is in vain.
func (c *Client) Away() bool {
	return !slices.ContainsFunc(c.servers, func(s *server) bool { return s.refuses(false) == nil })
}

// Lookup implements [Source].
func (c *Client) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []Answer) {
	ctx, cancel := c.until(ctx)
	defer cancel()
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

// until returns a context that ends with ctx and with the client.
func (c *Client) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.stop, cancel)
	return ctx, func() { stop(); cancel() }
}

const (
	maxTries     = 3
	firstBackoff = 100 * time.Millisecond
)

// ask searches for q, at one MISP after the other until one answers. If none
// does, it tries again where that may help and ctx leaves time for it. The
// error is that of the first MISP, or of the first that does not answer because of
// the values, and from that MISP. Part says that q is of one that failed because of its
// values.
func (c *Client) ask(ctx context.Context, q *question, part bool) (from *server, complete bool, err *Error) {
	for try := range maxTries {
		if try > 0 && !backOff(ctx, try) {
			break
		}
		err = nil
		again, elsewhere := false, false
		for _, s := range c.servers {
			complete, failed := c.askServer(ctx, s, q, part || try == maxTries-1)
			if failed == nil {
				return s, complete, nil
			}
			if ctx.Err() != nil {
				return s, false, failed
			}
			elsewhere = elsewhere || !failed.values
			if err == nil || failed.values && !err.values {
				from, err = s, failed
			}
			again = again || failed.transient && !s.hold.open()
		}
		if err.values {
			err.elsewhere = elsewhere
			break
		}
		if !again {
			break
		}
	}
	return from, false, err
}

// backOff waits before the given try, each time about twice as long as before.
// It returns false at once if ctx ends before that.
func backOff(ctx context.Context, try int) bool {
	d := firstBackoff << (try - 1)
	d -= rand.N(d / 2) // what failed together must not come back together
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// askServer searches for q at one MISP with the filters of the client, when it
// is q's turn and unless that MISP is left alone. Blame says that its values may be to
// blame also if MISP is not left alone after it.
func (c *Client) askServer(ctx context.Context, s *server, q *question, blame bool) (complete bool, err *Error) {
	urgent := isUrgent(ctx)
	if err := s.refuses(urgent); err != nil {
		c.stats.held.Add(uint64(len(q.values)))
		return false, err
	}
	if err := s.waitForPace(ctx, urgent); err != nil {
		return false, err
	}
	if !c.turns.take(ctx, urgent) {
		return false, s.gaveUp(ctx)
	}
	defer c.turns.give()
	q.reset()
	r := c.request(q.values)
	r.Type = q.types()
	r.ToIDs, r.Published = c.cfg.ToIDs.param(), c.cfg.Published.param()
	pass, err := s.hold.enter() // again, as it may be long since
	if err != nil {
		c.stats.held.Add(uint64(len(q.values)))
		return false, err
	}
	complete, err = c.search(ctx, s, r, func(row *row) bool {
		if !row.readable() {
			q.unread++
			return false
		}
		return c.passesToIDs(row) && c.passesPublished(row) && q.take(row, s.url)
	})
	if err != nil && (ctx.Err() != nil || err.ours) {
		s.hold.cancel(pass)
		return false, err
	}
	if err != nil && err.mayBeDueToValues() && (blame || s.hold.isLast(pass, err)) {
		switch answers, asked := c.answersHarmless(ctx, s, r); {
		case !asked:
			s.hold.cancel(pass)
			return false, err
		case answers:
			err.values = true
			c.stats.failed(Refused)
			s.hold.leave(pass, nil)
			return false, err
		}
	}
	if err != nil {
		c.stats.failed(err.Reason)
	}
	s.hold.leave(pass, err)
	if err == nil && q.unread > 0 {
		s.hold.mention(&Error{
			Reason:  BadAnswer,
			URL:     s.url,
			Problem: fmt.Sprintf("%d of the attributes in its answer cannot be read, as type or value is missing", q.unread),
			Advice:  adviseServer,
		})
	}
	return complete, err
}

// passesToIDs and passesPublished report whether a filter lets a row through.
// What a row does not say, it is taken to be: MISP went by the filter.
func (c *Client) passesToIDs(r *row) bool {
	return r.ToIDs == absent || c.cfg.ToIDs.passes(r.ToIDs == on)
}

func (c *Client) passesPublished(r *row) bool {
	return r.Event.Published == absent || c.cfg.Published.passes(r.Event.Published == on)
}
