package misp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// restSearch is the body of a search. The list under OR is the form in which
// MISP takes a value as it is, without operators.
type restSearch struct {
	ReturnFormat string `json:"returnFormat"`
	Value        struct {
		OR []string `json:"OR"`
	} `json:"value"`
	Type             []string `json:"type,omitempty"`
	ToIDs            *int     `json:"to_ids,omitempty"`
	Published        *int     `json:"published,omitempty"`
	Order            []string `json:"order"`
	Limit            int      `json:"limit"`
	Page             int      `json:"page"`
	IncludeContext   int      `json:"includeContext"`
	IncludeEventTags int      `json:"includeEventTags"`
}

// newestFirst keeps the pages of an answer apart, and has the newest where more
// attributes are there than are read.
var newestFirst = []string{"Attribute.id desc"}

// request returns a search for values, of which there must be one at least:
// to MISP, none is no filter.
func (c *Client) request(values []string) *restSearch {
	r := &restSearch{ReturnFormat: "json", Order: newestFirst, Limit: c.pageRows, IncludeContext: 1, IncludeEventTags: 1}
	r.Value.OR = values
	return r
}

// param is the filter as MISP takes it: false would be no filter.
func (f Filter) param() *int {
	switch f {
	case Yes:
		return new(1)
	case No:
		return new(0)
	}
	return nil
}

// search reads the answer to r page by page and offers each row to take, which
// says whether it was asked for. Complete is false if there is more than the
// client reads. A panic is an error too, as whatever MISP sends must not end
// the program.
func (c *Client) search(ctx context.Context, s *server, r *restSearch, take func(*row) bool) (complete bool, err *Error) {
	within, cancel := context.WithTimeout(ctx, maxSearchTime*c.cfg.Timeout)
	defer cancel()
	what := "the answer of MISP at " + s.url
	if !c.guard.run(what, func() { complete, err = c.pages(within, s, r, take) }) {
		err = &Error{Reason: BadAnswer, Problem: "its answer meets a bug of this program"}
	}
	switch {
	case err == nil:
		return complete, nil
	case ctx.Err() != nil:
		return false, s.gaveUp(ctx)
	case within.Err() != nil:
		err = tooSlow(within.Err(), maxSearchTime*c.cfg.Timeout)
	}
	err.URL = s.url
	err.Problem = oneLine(clip(c.redact(err.Problem), maxProblem))
	return false, err
}

// maxSearchTime is how long all pages of an answer may take together, as a
// multiple of what each may take.
const maxSearchTime = 4

// maxProblem bounds what an error says, in bytes: a part of it may be MISP's.
const maxProblem = 600

func (c *Client) pages(ctx context.Context, s *server, r *restSearch, take func(*row) bool) (complete bool, failed *Error) {
	c.stats.values.Add(uint64(len(r.Value.OR)))
	rows, taken := 0, 0
	for r.Page = 1; r.Page <= c.maxPages; r.Page++ {
		if r.Page > 1 {
			if err := s.refusesMore(ctx); err != nil {
				return false, err
			}
		}
		p, err := c.page(ctx, s, r, take)
		if err != nil {
			return false, err
		}
		rows += p.rows
		taken += p.taken
		switch {
		case p.taken == 0 && (p.rows >= c.pageRows || p.tooLong), taken == 0 && rows >= manyRows:
			return false, &Error{
				Reason:  BadAnswer,
				Problem: fmt.Sprintf("none of %d attributes is one that was asked for", p.rows),
				Advice:  "something between here and MISP changes the requests, or MISP does not understand them: " + adviseURL,
			}
		case p.tooLong:
			return false, nil
		case p.rows < c.pageRows:
			return true, nil
		}
	}
	return false, nil
}

// manyRows is how many attributes none of which was asked for are no answer. A
// few may be there because MISP compares without regard to accents.
const manyRows = 10

// A page says what was in a page of an answer.
type page struct {
	rows    int
	taken   int  // rows that were asked for
	tooLong bool // there is more in it than the client reads
}

var (
	errTooLong    = errors.New("too long")
	errRowTooLong = fmt.Errorf("it goes on for %d MiB without a new attribute", maxRow>>20)
)

// page reads one page of the answer to r.
func (c *Client) page(ctx context.Context, s *server, r *restSearch, take func(*row) bool) (p page, failed *Error) {
	asked, begin := ctx, time.Now()
	defer func() { s.stats.answered(asked, len(r.Value.OR), time.Since(begin), failed) }()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	resp, failed := c.post(ctx, s, r)
	if failed != nil {
		return page{}, failed
	}
	defer resp.Body.Close()
	body := &boundedReader{r: resp.Body, left: c.maxBody}
	err := decode(body, func(row *row) error {
		body.row = 0
		if p.rows++; p.rows > r.Limit {
			return fmt.Errorf("it has more than the %d attributes of a page", r.Limit)
		}
		if take(row) {
			p.taken++
		}
		return nil
	})
	c.stats.attributes.Add(uint64(p.taken))
	c.stats.dropped.Add(uint64(p.rows - p.taken))
	switch {
	case err == nil:
		return p, nil
	case body.err == errTooLong:
		p.tooLong = true
		return p, nil
	case body.err != nil && body.err != errRowTooLong && body.err != io.EOF && body.err != io.ErrUnexpectedEOF:
		return p, transportError(ctx, body.err, c.cfg.Timeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return p, &Error{Reason: BadAnswer, Status: resp.StatusCode, Problem: "its answer is cut off", Advice: adviseServer, cause: err, transient: true}
	}
	return p, &Error{
		Reason: BadAnswer, Status: resp.StatusCode, cause: err,
		Problem: "its answer is not that of a search: " + clip(c.redact(err.Error()), maxSaid),
		Advice:  adviseURL,
	}
}

// post sends r and returns MISP's answer if it is 200 OK and JSON; the caller
// closes its body.
func (c *Client) post(ctx context.Context, s *server, r *restSearch) (*http.Response, *Error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, &Error{Reason: BadAnswer, Problem: "encode the search: " + err.Error(), cause: err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint(), bytes.NewReader(bytes.TrimSpace(body.Bytes())))
	if err != nil {
		return nil, &Error{Reason: Unreachable, Problem: err.Error(), cause: err}
	}
	req.Header = http.Header{
		"Accept":        {"application/json"},
		"Authorization": {c.cfg.APIKey.Reveal()},
		"Content-Type":  {"application/json"},
		"User-Agent":    {"fluent-bit-misp"},
		// Not sent: it allows net/http to send the search again if MISP closed
		// the idle connection just then.
		"Idempotency-Key": {},
	}
	c.stats.requests.Add(1)
	s.allowance.sent()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportError(ctx, err, c.cfg.Timeout)
	}
	s.allowance.heard(resp.Header, s.now())
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, c.statusError(resp)
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); strings.HasSuffix(media, "html") {
		defer resp.Body.Close()
		problem := "its answer is a page for people, not JSON"
		if said, _ := c.whatItSaid(resp.Body); said != "" {
			problem += fmt.Sprintf(" (%q)", said)
		}
		return nil, &Error{Reason: BadAnswer, Status: resp.StatusCode, Problem: problem, Advice: adviseURL}
	}
	return resp, nil
}

// redact takes out of a text what an answer may have repeated of the secrets,
// also at its end where that is cut off. A text is redacted before it is cut.
func (c *Client) redact(s string) string {
	secrets := []string{c.cfg.APIKey.Reveal()}
	if proxy, err := url.Parse(c.cfg.Proxy.Reveal()); err == nil {
		password, _ := proxy.User.Password()
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if len(secret) < maxShown {
			continue // it would be guessed from what it leaves
		}
		s = strings.ReplaceAll(s, secret, hidden)
		for n := len(secret) - 1; n >= maxShown; n-- {
			if rest, cut := strings.CutSuffix(s, secret[:n]); cut {
				s = rest + hidden
				break
			}
		}
	}
	return s
}

// maxShown is how much of the start of a secret is no secret, in bytes.
const maxShown = 4

// oneLine takes the line breaks and other control characters out of a text, so
// that an answer cannot write lines of its own into the log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// A boundedReader reads at most left bytes, and at most maxRow without a new
// row, as the decoder holds a row in memory. It notes why it ended.
type boundedReader struct {
	r    io.Reader
	left int64
	row  int64 // bytes since the last row
	err  error
}

func (b *boundedReader) Read(p []byte) (n int, err error) {
	switch {
	case b.row >= maxRow:
		b.err = errRowTooLong
		return 0, b.err
	case b.left <= 0:
		b.err = errTooLong
		return 0, b.err
	}
	n, err = b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	b.row += int64(n)
	if err != nil {
		b.err = err
	}
	return n, err
}
