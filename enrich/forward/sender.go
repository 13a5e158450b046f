package forward

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Sender delivers chunks, one at a time, to the first of its targets that
// takes them. It may be used concurrently. Make one with [New], and end it with
// [Sender.Close].
type Sender struct {
	cfg Config

	mu      sync.Mutex
	targets []*target
	packed  bytes.Buffer // what gzip makes of a chunk
	gzip    *gzip.Writer
}

// New returns a sender. It does not connect.
func New(cfg Config) *Sender {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sender{cfg: cfg}
	if cfg.Gzip {
		s.gzip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level exists
	}
	for _, name := range cfg.Targets {
		t := &target{name: name, network: "tcp", address: name}
		if path, unix := strings.CutPrefix(name, "unix:"); unix {
			t.network, t.address = "unix", path
		}
		s.targets = append(s.targets, t)
	}
	return s
}

// Send reports whether a target has taken the chunk, which is only read, and
// not kept. If none has, the log says why, once for each target that is away,
// and the chunk may be sent again. A target that fails is left alone for a
// while, and a Send that finds none but such returns at once; otherwise it
// takes up to ConnectTimeout and AckTimeout for each target. The end of ctx
// ends it.
func (s *Sender) Send(ctx context.Context, tag string, chunk []byte) (delivered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m message
	for _, t := range s.targets {
		if s.cfg.Now().Before(t.until) {
			continue
		}
		if m.head == nil {
			if s.cfg.Gzip {
				m = newGzipMessage(tag, chunk, !s.cfg.NoAck, &s.packed, s.gzip)
			} else {
				m = newMessage(tag, chunk, !s.cfg.NoAck)
			}
		}
		err := t.send(ctx, m, &s.cfg)
		if err != nil && ctx.Err() != nil {
			return false
		}
		t.stats.count(err, len(chunk), !s.cfg.NoAck)
		t.note(err, &s.cfg)
		if err == nil {
			return true
		}
	}
	return false
}

// Away reports whether there is no target that is not left alone for now.
func (s *Sender) Away() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		if !s.cfg.Now().Before(t.until) {
			return false
		}
	}
	return true
}

// Close closes the connections. It waits for who is in Send: end that by its
// context.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.targets {
		t.close()
	}
}

// A target is where chunks go.
type target struct {
	name, network, address string

	conn     *conn     // kept for the next chunk; nil if there is none
	failures int       // in a row
	since    time.Time // of the first of them
	until    time.Time // when to try again

	stats targetStats
}

const (
	firstHoldoff   = time.Second
	longestHoldoff = 30 * time.Second
)

// send delivers a message. The target may have been restarted since the last
// one: a connection that turns out to be closed is replaced once.
func (t *target) send(ctx context.Context, m message, cfg *Config) error {
	used := t.conn != nil
	err := t.try(ctx, m, cfg)
	if used && isClosed(err) {
		err = t.try(ctx, m, cfg)
	}
	return err
}

func (t *target) try(ctx context.Context, m message, cfg *Config) (err error) {
	if t.conn == nil {
		if t.conn, err = dial(ctx, t.network, t.address, cfg); err != nil {
			return err
		}
	}
	if err = t.conn.send(ctx, m, cfg.AckTimeout); err != nil {
		t.close()
	}
	return err
}

func (t *target) close() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// note keeps, and logs, whether the target takes chunks.
func (t *target) note(err error, cfg *Config) {
	now := cfg.Now()
	if err == nil {
		if t.failures > 0 {
			cfg.Log.Info("forward to " + t.name + ": works again after " + now.Sub(t.since).Round(time.Second).String())
		}
		t.failures, t.until = 0, time.Time{}
		return
	}
	if t.failures == 0 {
		t.since = now
		cfg.Log.Error("forward to " + t.name + ": " + explain(err, cfg))
	}
	t.failures++
	wait := longestHoldoff
	if t.failures <= 5 {
		wait = firstHoldoff << (t.failures - 1)
	}
	t.until = now.Add(wait - rand.N(wait/4)) // many senders must not come back at once
}

// isClosed reports whether the other side has closed the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// explain says what went wrong, and what to do about it where that is clear.
func explain(err error, cfg *Config) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		plain     tls.RecordHeaderError
		slow      net.Error
	)
	s := err.Error()
	switch {
	case errors.As(err, &authority):
		s += ": set forward.tls.ca_file to the certificate of the authority that signed the target's"
	case errors.As(err, &name):
		s += ": use a name in forward.targets that is in the target's certificate"
	case errors.As(err, &plain):
		s += ": there is no TLS on this port: set forward.tls off, or check the port"
	case errors.As(err, &slow) && slow.Timeout() && strings.HasPrefix(s, "shared key: "):
		s = "there is no greeting: see whether the target has a shared_key, and whether it speaks TLS"
	case errors.As(err, &slow) && slow.Timeout():
		s += ": see whether the target is a forward input, and whether it is overloaded"
	case isClosed(err) && strings.HasPrefix(s, "shared key: "):
		s += ": see its log, and whether its shared_key is the same"
	case isClosed(err) && cfg.TLS != nil:
		s += ": it closes the connection: see its log"
	case isClosed(err):
		s += ": it closes the connection: see its log, and whether it wants TLS"
	}
	return s + "; what is not delivered will be tried again"
}
