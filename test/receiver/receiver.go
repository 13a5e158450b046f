// Package receiver is a target of the Forward protocol for tests: it keeps what
// it gets, acknowledges it, and misbehaves on demand. It shares no code with
// the sender.
package receiver

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// Config says how a receiver listens.
type Config struct {
	Address   string // HOST:PORT or unix:/PATH; a free port of 127.0.0.1 if empty
	SharedKey string // asked for if not empty
	Hostname  string // what it calls itself
	TLS       *tls.Config
}

// A Fault is a way to misbehave.
type Fault int

const (
	None    Fault = iota
	Silent        // takes chunks and never acknowledges one
	WrongID       // acknowledges another chunk
	HangUp        // closes the connection within the chunk
	Flood         // answers 1 GB
	Late          // takes a chunk and hangs up instead of acknowledging it
)

// A Message is a chunk that arrived whole.
type Message struct {
	Tag   string
	Chunk []byte // unpacked
	Gzip  bool
	ID    string
	Acked bool // the acknowledgement was written
}

// A Receiver is a target. Its methods may be called from different goroutines.
type Receiver struct {
	cfg Config

	mu          sync.Mutex
	listener    net.Listener
	conns       map[net.Conn]bool
	running     *sync.WaitGroup
	fault       Fault
	messages    []Message
	connections int
	flooded     int
}

// Start starts a receiver that ends with the test.
func Start(t testing.TB, cfg Config) *Receiver {
	t.Helper()
	r := &Receiver{cfg: cfg}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// Listen listens again where it did before [Receiver.Stop].
func (r *Receiver) Listen() error {
	network, address := "tcp", r.cfg.Address
	if path, unix := strings.CutPrefix(address, "unix:"); unix {
		network, address = "unix", path
	} else if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	if network == "tcp" {
		r.cfg.Address = listener.Addr().String()
	}
	if r.cfg.TLS != nil {
		listener = tls.NewListener(listener, r.cfg.TLS)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener, r.conns, r.running = listener, map[net.Conn]bool{}, &sync.WaitGroup{}
	r.running.Go(func() { r.accept(listener, r.running) })
	return nil
}

// Stop closes everything at once, as the end of its process would.
func (r *Receiver) Stop() {
	r.mu.Lock()
	r.listener.Close()
	for c := range r.conns {
		c.Close()
	}
	running := r.running
	r.mu.Unlock()
	running.Wait()
}

// Target returns the address as forward.targets has it.
func (r *Receiver) Target() string { return r.cfg.Address }

// Fault sets what goes wrong from the next chunk on.
func (r *Receiver) Fault(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = f
}

// Messages returns what arrived, in order.
func (r *Receiver) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Message(nil), r.messages...)
}

// Connections returns how many there were, and Flooded how many bytes Flood has
// got rid of.
func (r *Receiver) Connections() (n, flooded int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connections, r.flooded
}

func (r *Receiver) accept(listener net.Listener, running *sync.WaitGroup) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns[c] = true
		r.connections++
		r.mu.Unlock()
		running.Go(func() {
			defer c.Close()
			_ = r.serve(c) // the sender's side is what is tested
		})
	}
}

func (r *Receiver) serve(c net.Conn) error {
	d := msgpack.NewDecoder(c)
	if r.cfg.SharedKey != "" {
		if err := r.greet(c, d); err != nil {
			return err
		}
	}
	for {
		r.mu.Lock()
		fault := r.fault
		r.mu.Unlock()
		if fault == HangUp {
			_, err := io.CopyN(io.Discard, c, 10)
			return err
		}
		m, err := read(d)
		if err != nil {
			return err
		}
		r.mu.Lock()
		if fault = r.fault; fault == HangUp {
			r.mu.Unlock()
			return nil
		}
		m.Acked = fault == None && m.ID != ""
		r.messages = append(r.messages, m)
		r.mu.Unlock()
		switch {
		case fault == Late:
			return nil
		case fault == Flood:
			return r.flood(c)
		case fault == WrongID:
			m.ID = "another chunk"
		case fault == Silent || m.ID == "":
			continue
		}
		if err := msgpack.NewEncoder(c).Encode(map[string]string{"ack": m.ID}); err != nil {
			return err
		}
	}
}

// flood writes 1 GB that begins as an acknowledgement does.
func (r *Receiver) flood(c net.Conn) error {
	if _, err := c.Write([]byte("\x81\xa3ack\xdb\x40\x00\x00\x00")); err != nil {
		return err
	}
	block := bytes.Repeat([]byte{'x'}, 1<<20)
	for range 1 << 10 {
		n, err := c.Write(block)
		r.mu.Lock()
		r.flooded += n
		r.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// greet asks for the proof of the shared key, and gives one.
func (r *Receiver) greet(c net.Conn, d *msgpack.Decoder) error {
	nonce := "\x00\xffnonce of 16 by\xfe"
	e := msgpack.NewEncoder(c)
	if err := e.Encode([]any{"HELO", map[string]any{"nonce": []byte(nonce), "auth": "", "keepalive": true}}); err != nil {
		return err
	}
	var ping []string
	if err := d.Decode(&ping); err != nil || len(ping) != 6 || ping[0] != "PING" {
		return fmt.Errorf("no PING: %q, %w", ping, err)
	}
	proof := func(name string) string {
		sum := sha512.Sum512([]byte(ping[2] + name + nonce + r.cfg.SharedKey))
		return hex.EncodeToString(sum[:])
	}
	if ping[3] != proof(ping[1]) {
		return e.Encode([]any{"PONG", false, "shared_key mismatch", "", ""})
	}
	return e.Encode([]any{"PONG", true, "", r.cfg.Hostname, proof(r.cfg.Hostname)})
}

// read reads one message.
func read(d *msgpack.Decoder) (m Message, err error) {
	n, err := d.DecodeArrayLen()
	if err != nil {
		return m, err
	}
	if n != 3 {
		return m, fmt.Errorf("a message is an array of %d", n)
	}
	if m.Tag, err = d.DecodeString(); err != nil {
		return m, err
	}
	if m.Chunk, err = d.DecodeBytes(); err != nil {
		return m, err
	}
	options, err := d.DecodeMap()
	if err != nil {
		return m, err
	}
	m.ID, _ = options["chunk"].(string)
	if m.Gzip = options["compressed"] == "gzip"; m.Gzip {
		unpacked, err := gzip.NewReader(bytes.NewReader(m.Chunk))
		if err != nil {
			return m, err
		}
		m.Chunk, err = io.ReadAll(unpacked)
		return m, err
	}
	return m, nil
}
