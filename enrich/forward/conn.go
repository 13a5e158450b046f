package forward

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"
)

// A conn is a connection to a target, ready for chunks.
type conn struct {
	net.Conn
	answers answers
}

// dial connects, and proves to each other who sender and target are.
func dial(ctx context.Context, network, address string, cfg *Config) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	plain, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: plain}
	if cfg.TLS != nil {
		tlsConfig := cfg.TLS.Clone()
		tlsConfig.ServerName, _, _ = net.SplitHostPort(address)
		if network == "unix" {
			tlsConfig.ServerName = "localhost"
		}
		secure := tls.Client(plain, tlsConfig)
		if err := secure.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, fmt.Errorf("TLS: %w", err)
		}
		c.Conn = secure
	}
	c.answers.from = c.Conn
	if cfg.SharedKey != "" {
		defer c.until(ctx, cfg.ConnectTimeout)()
		if err := c.greet(cfg); err != nil {
			c.Close()
			return nil, fmt.Errorf("shared key: %w", err)
		}
	}
	return c, nil
}

// until bounds what is done with the connection, by time and by the end of ctx,
// until the function that it returns is called.
func (c *conn) until(ctx context.Context, atMost time.Duration) (done func()) {
	_ = c.SetDeadline(time.Now().Add(atMost)) // a connection that is closed fails soon enough
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// greet exchanges proofs of the shared key.
func (c *conn) greet(cfg *Config) error {
	v, err := c.answers.next()
	if err != nil {
		return fmt.Errorf("there is no greeting: %w", err)
	}
	helo, _ := v.([]any)
	if len(helo) < 2 || helo[0] != "HELO" {
		return errors.New("there is no greeting")
	}
	offer, _ := helo[1].(map[string]any)
	nonce, _ := offer["nonce"].(string)
	salt := rand.Text()
	// Fluent Bit reads it only if it comes in one piece.
	ping := []byte{0x96}
	for _, s := range []string{"PING", cfg.Hostname, salt, proof(salt, cfg.Hostname, nonce, cfg.SharedKey), "", ""} {
		ping = appendString(ping, s)
	}
	if _, err := c.Write(ping); err != nil {
		return err
	}
	if v, err = c.answers.next(); err != nil {
		return fmt.Errorf("it hangs up on ours: %w", err)
	}
	pong, _ := v.([]any)
	if len(pong) < 5 || pong[0] != "PONG" {
		return errors.New("there is no answer to the greeting")
	}
	if pong[1] != true {
		return fmt.Errorf("it refuses ours: %.100q", pong[2])
	}
	name, _ := pong[3].(string)
	theirs, _ := pong[4].(string)
	switch {
	case name == cfg.Hostname:
		// A stranger could hand back our own proof.
		return fmt.Errorf("it calls itself %.100q, as this side does: set forward.self_hostname to something else", name)
	case subtle.ConstantTimeCompare([]byte(theirs), []byte(proof(salt, name, nonce, cfg.SharedKey))) != 1:
		return errors.New("it does not know ours")
	}
	return nil
}

// proof shows that who calls itself name knows the key.
func proof(salt, name, nonce, key string) string {
	sum := sha512.Sum512([]byte(salt + name + nonce + key))
	return hex.EncodeToString(sum[:])
}

// send sends a message and waits for the acknowledgement, if it wants one.
func (c *conn) send(ctx context.Context, m message, atMost time.Duration) error {
	defer c.until(ctx, atMost)()
	parts := net.Buffers{m.head, m.body, m.tail}
	_, written := parts.WriteTo(c.Conn)
	if written != nil && !isClosed(written) || m.id == "" {
		return written
	}
	// Who hangs up while we write may have said why.
	v, err := c.answers.next()
	if err != nil {
		return err
	}
	answer, ok := v.(map[string]any)
	switch ack, _ := answer["ack"].(string); {
	case ack == m.id:
		return nil
	case ok && ack != "":
		return fmt.Errorf("it acknowledges the chunk %.40q, not %s, which it was sent", ack, m.id)
	case ok:
		return errors.New("its answer acknowledges no chunk")
	}
	if list, ok := v.([]any); ok && len(list) > 0 && list[0] == "HELO" {
		return errors.New("it wants a shared key: set forward.shared_key")
	}
	if v == nil && c.answers.size > 0 && c.answers.buf[0] == 3 {
		// An alert of TLS begins 0x15 3, which in msgpack are two numbers.
		return errors.New("it speaks TLS: set forward.tls on")
	}
	return errors.New("its answer is no acknowledgement")
}
