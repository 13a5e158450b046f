package misp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// An Error says why MISP could not be asked, and what to do about it. No
// secret is in it. Find one with [errors.As].
type Error struct {
	Reason     Reason
	Status     int           // of the HTTP answer; 0 if there was none
	URL        string        // of MISP, as it was configured
	Problem    string        // what went wrong
	Advice     string        // what to do about it
	RetryAfter time.Duration // how long MISP wants to be left alone; 0 if it did not say
	cause      error
	transient  bool // the next request may well be answered
	ours       bool // MISP had no part in it
	keyRefused bool // by MISP itself
	values     bool // it is due to the values that were asked for
	elsewhere  bool // another MISP might have answered
}

// Error returns one line: where, what, and what to do.
func (e *Error) Error() string {
	s := "MISP at " + e.URL + ": " + e.Problem
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

// Unwrap returns the error beneath, nil if MISP's answer itself was the error.
func (e *Error) Unwrap() error { return e.cause }

const (
	adviseURL       = "check that url is the address of MISP's front page"
	adviseServer    = "see the logs of MISP and of its web server"
	adviseRoute     = "see whether this machine has a way to MISP, or needs proxy"
	adviseRateLimit = "raise the rate limit of the role in MISP"
)

// transportError explains why there was no answer, or not all of it. The end of
// ctx explains whatever comes after it.
func transportError(ctx context.Context, err error, timeout time.Duration) *Error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the wrapper only says what was posted where
	}
	e := &Error{Reason: Unreachable, Problem: err.Error(), cause: err}
	var (
		resolve   *net.DNSError
		op        *net.OpError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		slow      net.Error
	)
	switch {
	case errors.As(err, &resolve):
		e.Advice = "check the host name in url, and that this machine can resolve it"
		e.transient = !resolve.IsNotFound
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Advice = "check proxy"
		e.transient = true
	case errors.As(err, &authority):
		e.Advice = "set tls.ca_file to the certificate of the authority that signed MISP's"
	case errors.As(err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		e.Advice = "give MISP a certificate that names its host as a subjectAltName"
	case errors.As(err, &name):
		e.Advice = "use a name in url that is in MISP's certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Advice = "renew MISP's certificate, or check the clock of this machine"
	case errors.As(err, &invalid):
		e.Advice = "give MISP a certificate that is made for a server"
	case errors.As(err, &plain) || errors.Is(err, http.ErrSchemeMismatch):
		e.Advice = "there is no TLS on this port: check the port in url, or write it with http://"
	case strings.Contains(e.Problem, "tls: protocol version not supported") || strings.Contains(e.Problem, "tls: server selected unsupported protocol version"):
		e.Advice = "MISP's web server knows TLS 1.1 at most: have it take TLS 1.2"
	case errors.As(err, &op) && op.Op == "remote error":
		e.Advice = "MISP did not like this side of TLS: if it wants a client certificate, set tls.crt_file and tls.key_file"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		e.Advice = adviseRoute
		e.transient = true
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout():
		return tooSlow(err, timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Advice = "see whether MISP is up, and check the port in url"
		e.transient = true
	case errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH):
		e.Advice = adviseRoute
		e.transient = true
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		e.Advice = "something closed the connection: " + adviseServer
		e.transient = true
	case strings.Contains(e.Problem, "malformed"): // the error has no type
		e.Advice = "what answers there does not speak HTTP as it should: check host and port in url"
	}
	return e
}

// tooSlow is the error of an answer that is not there in time.
func tooSlow(cause error, limit time.Duration) *Error {
	return &Error{
		Reason:  Timeout,
		Problem: fmt.Sprintf("no full answer within %v", limit),
		Advice:  "see whether MISP is up and fast enough, or raise timeout",
		cause:   cause,
	}
}

// statusError explains an answer that is not 200 OK. It reads a little of the
// body, where MISP says why, unless the connection is no longer one for HTTP: no
// timeout ends a read from it.
func (c *Client) statusError(resp *http.Response) *Error {
	e := &Error{Reason: BadAnswer, Status: resp.StatusCode}
	e.Problem = strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	fromMISP := false
	if resp.StatusCode != http.StatusSwitchingProtocols {
		var said string
		if said, fromMISP = c.whatItSaid(resp.Body); said != "" {
			e.Problem += fmt.Sprintf(" (%q)", said)
		}
	}
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		e.Problem, e.Advice = c.redirect(resp)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Reason = Forbidden
		e.keyRefused = fromMISP
		e.Advice = "check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"
	case code == http.StatusNotFound || code == http.StatusMethodNotAllowed:
		e.Advice = adviseURL
	case code == http.StatusRequestEntityTooLarge:
		e.Advice = "lower batch_size, or raise what MISP's web server takes"
	case code == http.StatusTooManyRequests:
		e.Reason = RateLimited
		e.Advice = adviseRateLimit
		e.RetryAfter = retryAfter(resp.Header)
	case code >= 500:
		e.Reason = ServerError
		e.Advice = adviseServer
		e.transient = true
	default:
		e.Advice = adviseURL
	}
	return e
}

// redirect explains why a redirect was not followed: it would carry the key to
// who knows where, and end at a page for people.
func (c *Client) redirect(resp *http.Response) (problem, advice string) {
	to, err := resp.Location()
	if err != nil {
		return fmt.Sprintf("%d, a redirect to nowhere", resp.StatusCode), adviseURL
	}
	to.User, to.RawQuery, to.Fragment = nil, "", ""
	problem = clip(fmt.Sprintf("%d, a redirect to %s", resp.StatusCode, c.redact(to.String())), maxSaid)
	from := resp.Request.URL
	switch {
	case strings.HasSuffix(to.Path, "/users/login"):
		return problem, "see whether MISP is in maintenance (MISP.live), or check url"
	case from.Scheme != to.Scheme && from.Hostname() == to.Hostname() && (to.Scheme == "http" || to.Scheme == "https"):
		return problem, "write url with " + to.Scheme + "://"
	}
	return problem, adviseURL
}

const maxSaid = 300 // bytes of what MISP said that an error repeats

// whatItSaid finds the words for people in the body of an error: MISP's
// message, or the title of a page. FromMISP reports whether the body has the form of
// MISP's own errors.
func (c *Client) whatItSaid(body io.Reader) (said string, fromMISP bool) {
	start, _ := io.ReadAll(io.LimitReader(body, 4<<10))
	var answer struct{ Name, Message, URL string }
	if json.Unmarshal(start, &answer) == nil {
		if answer.Message == "" {
			answer.Message = answer.Name
		}
		return clip(c.redact(answer.Message), maxSaid), answer.Name != "" && answer.URL != ""
	}
	if _, after, ok := bytes.Cut(start, []byte("<title>")); ok {
		start, _, _ = bytes.Cut(after, []byte("</title>"))
	} else if bytes.HasPrefix(bytes.TrimSpace(start), []byte("<")) {
		return "", false // tags say nothing to people
	}
	return clip(c.redact(string(bytes.TrimSpace(start))), maxSaid), false
}

// clip cuts s to at most max bytes, between characters, and says so.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	cut := max - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
