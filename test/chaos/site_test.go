package chaos

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// A site is a MISP at an address that stays the same, with what can go wrong
// below HTTP.
type site struct {
	*misptest.Server
	t       *testing.T
	address string

	mu     sync.Mutex
	tls    *tls.Config // nil for none
	server *http.Server
	silent net.Listener
}

func newSite(t *testing.T) *site {
	s := &site{Server: misptest.New(database()), t: t, address: "127.0.0.1:0"}
	s.up()
	t.Cleanup(s.down)
	return s
}

func (s *site) url() string {
	if s.tls != nil {
		return "https://" + s.address
	}
	return "http://" + s.address
}

// listen takes the address, which after the first time is known.
func (s *site) listen() net.Listener {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		l, err := net.Listen("tcp", s.address)
		if err == nil {
			s.address = l.Addr().String()
			return l
		}
		if time.Now().After(deadline) {
			s.t.Error(err)
			return nil
		}
	}
}

// up starts MISP.
func (s *site) up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.listen()
	if l == nil {
		return
	}
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	}
	s.server = &http.Server{Handler: s.Server, ErrorLog: log.New(io.Discard, "", 0)}
	go s.server.Serve(l)
}

// down ends MISP, so that connections are refused.
func (s *site) down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		s.server.Close()
		s.server = nil
	}
	if s.silent != nil {
		s.silent.Close()
		s.silent = nil
	}
}

// mute has connections accepted, and nothing read or written.
func (s *site) mute() {
	s.down()
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.listen()
	if l == nil {
		return
	}
	s.silent = l
	go func() {
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Close()
		}
	}()
}

// certify has MISP show a certificate from now on.
func (s *site) certify(c *tls.Config) {
	s.down()
	s.tls = c
	s.up()
}

// restarts ends MISP and starts it again, every second, until the function
// that it returns is called.
func (s *site) restarts() (end func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			s.down()
			time.Sleep(300 * time.Millisecond)
			s.up()
			select {
			case <-time.After(700 * time.Millisecond):
			case <-stop:
				return
			}
		}
	}()
	return func() { close(stop); <-ended }
}
