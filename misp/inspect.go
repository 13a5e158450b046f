package misp

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Inspection is what a MISP says of itself and of the owner of the key.
type Inspection struct {
	URL     string
	Version string
	User    string // the owner's e-mail address
	Role    string
	Admin   bool // the role may do everything

	RateLimit     int           // searches that the owner may do in a while; 0 is no limit
	RateRemaining int           // how many are left of them
	RateReset     time.Duration // until there are all again

	Ahead   time.Duration       // how far MISP's clock is ahead of this one, to about a second
	HasTime bool                // whether MISP said what time it is
	Search  time.Duration       // how long the quickest of a few searches for one value took
	Chain   []*x509.Certificate // MISP's certificate and those above it, as they were verified; nil without TLS

	Err *Error // why there is no more
}

const (
	inspectSearches = 3
	maxAbout        = 1 << 20
	// Of documentation, so that MISP has nothing of it to send.
	inspectValue = "192.0.2.1"
)

// Inspect asks each MISP about itself, one after the other and in the order of
// their addresses, for a person who wonders whether all is well. It always asks,
// also while look-ups leave MISP alone.
func (c *Client) Inspect(ctx context.Context) []Inspection {
	found := make([]Inspection, len(c.servers))
	for i, s := range c.servers {
		in := &found[i]
		in.URL = s.url
		if in.Err = c.inspect(ctx, s, in); in.Err != nil {
			in.Err.URL = s.url
			in.Err.Problem = oneLine(c.redact(in.Err.Problem))
		}
	}
	return found
}

// inspect notes what a server says, as far as it gets.
func (c *Client) inspect(ctx context.Context, s *server, in *Inspection) *Error {
	var version struct {
		Version string `json:"version"`
	}
	sent := c.cfg.Now()
	resp, failed := c.about(ctx, s, "/servers/getVersion", &version)
	if failed != nil {
		return failed
	}
	in.Version = oneLine(clip(version.Version, maxSaid))
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		between := sent.Add(c.cfg.Now().Sub(sent) / 2)
		in.Ahead, in.HasTime = date.Sub(between).Round(time.Second), true
	}
	if resp.TLS != nil {
		in.Chain = resp.TLS.PeerCertificates
		if len(resp.TLS.VerifiedChains) > 0 {
			in.Chain = resp.TLS.VerifiedChains[0]
		}
	}
	var me struct {
		User struct {
			Email string `json:"email"`
		}
		Role struct {
			Name  string `json:"name"`
			Admin bool   `json:"perm_site_admin"`
		}
	}
	if _, failed := c.about(ctx, s, "/users/view/me", &me); failed != nil {
		return failed
	}
	in.User, in.Role = oneLine(clip(me.User.Email, maxSaid)), oneLine(clip(me.Role.Name, maxSaid))
	in.Admin = me.Role.Admin
	for range inspectSearches {
		if failed := c.try(ctx, s, in); failed != nil {
			return failed
		}
	}
	return nil
}

// about reads a page of a server's into v.
func (c *Client) about(ctx context.Context, s *server, path string, v any) (*http.Response, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	resp, failed := c.get(ctx, s, path)
	if failed != nil {
		return nil, failed
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAbout)).Decode(v); err != nil {
		if ctx.Err() != nil {
			return nil, transportError(ctx, err, c.cfg.Timeout)
		}
		return nil, &Error{Reason: BadAnswer, Status: resp.StatusCode, cause: err,
			Problem: fmt.Sprintf("its answer to %s is not that of a MISP: %v", path, err), Advice: adviseURL}
	}
	return resp, nil
}

func (c *Client) get(ctx context.Context, s *server, path string) (*http.Response, *Error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, &Error{Reason: Unreachable, Problem: err.Error(), cause: err}
	}
	req.Header = http.Header{
		"Accept":        {"application/json"},
		"Authorization": {c.cfg.APIKey.Reveal()},
		"User-Agent":    {"fluent-bit-misp"},
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(ctx, err, c.cfg.Timeout)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, c.statusError(resp)
	}
	return resp, nil
}

// try searches for a value, as look-ups do, and notes how that went.
func (c *Client) try(ctx context.Context, s *server, in *Inspection) *Error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	r := c.request([]string{inspectValue})
	r.Type, r.Limit, r.Page = []string{"ip-src", "ip-dst"}, 1, 1
	began := c.cfg.Now()
	resp, failed := c.post(ctx, s, r)
	if failed != nil {
		return failed
	}
	defer resp.Body.Close()
	_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAbout))
	if err != nil {
		return transportError(ctx, err, c.cfg.Timeout)
	}
	if took := c.cfg.Now().Sub(began); in.Search == 0 || took < in.Search {
		in.Search = took
	}
	in.RateLimit = headerNumber(resp, "X-Rate-Limit-Limit")
	in.RateRemaining = headerNumber(resp, "X-Rate-Limit-Remaining")
	in.RateReset = time.Duration(headerNumber(resp, "X-Rate-Limit-Reset")) * time.Second
	return nil
}

// headerNumber returns the number in a header, 0 if there is none.
func headerNumber(resp *http.Response, name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(resp.Header.Get(name)))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
