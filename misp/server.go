package misp

import (
	"context"
	"log/slog"
	"time"
)

// A server is one of the MISPs that a client asks, with what the client knows
// of how it is.
type server struct {
	url       string
	hold      holdoff
	pace      *pace
	allowance allowance
	stats     serverStats

	log *slog.Logger
	now func() time.Time
}

func newServer(url string, cfg *Config) *server {
	return &server{
		url:   url,
		hold:  holdoff{name: url, log: cfg.Log, now: cfg.Now},
		pace:  newPace(cfg.MaxRequestsPerMinute),
		stats: newServerStats(),
		log:   cfg.Log,
		now:   cfg.Now,
	}
}

func (s *server) endpoint() string { return s.url + "/attributes/restSearch" }

// refuses says why MISP is not to be asked now, nil if it is.
func (s *server) refuses(urgent bool) *Error {
	if err := s.hold.held(); err != nil {
		return err
	}
	if err := s.allowance.refuses(urgent, s.now()); err != nil {
		err.URL = s.url
		s.hold.mention(err)
		return err
	}
	return nil
}

// refusesMore is refuses for the next page of a search. It is as urgent as can
// be, so that what came before was not in vain.
func (s *server) refusesMore(ctx context.Context) *Error {
	if err := s.allowance.refuses(true, s.now()); err != nil {
		return err
	}
	return s.waitForPace(ctx, true)
}

const maxPaceWait = 30 * time.Second

// waitForPace waits until max_requests_per_minute lets one more request go, or
// gives up at once if that is too long.
func (s *server) waitForPace(ctx context.Context, urgent bool) *Error {
	within, cancel := context.WithTimeout(ctx, maxPaceWait)
	defer cancel()
	err := s.pace.wait(within, urgent)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return s.gaveUp(ctx)
	}
	e := &Error{
		Reason:  RateLimited,
		URL:     s.url,
		Problem: "there is more to ask than max_requests_per_minute allows",
		Advice:  "raise it, or cache_negative_ttl",
		cause:   err,
		ours:    true,
	}
	s.hold.mention(e)
	return e
}

// gaveUp is the error of a look-up whose caller did not wait for it.
func (s *server) gaveUp(ctx context.Context) *Error {
	return &Error{Reason: Timeout, URL: s.url, Problem: "the look-up was given up before MISP answered", cause: ctx.Err()}
}
