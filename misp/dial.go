package misp

import (
	"context"
	"net"
	"time"
)

// dialer returns a function that makes connections, each within timeout, which
// are closed when stop ends. It matters because what net/http has begun to dial
// goes on after the request that it was for.
func dialer(stop context.Context, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{c, context.AfterFunc(stop, func() { c.Close() })}, nil
	}
}

// A conn is a connection that is closed by itself when its client is.
type conn struct {
	net.Conn
	forget func() bool
}

func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}
