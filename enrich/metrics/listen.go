package metrics

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// socketMode lets the group of Fluent Bit's user connect.
const socketMode = 0o660

// listen listens at HOST:PORT or unix:/PATH. The socket of a process that is no
// more is removed, but no other file, and none of who still listens.
func listen(ctx context.Context, address string) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		return listener, cause(err)
	}
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, cause(err)
	case info.Mode()&fs.ModeSocket == 0:
		return nil, errors.New("there is a file of that name, which is no socket")
	default:
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			conn.Close()
			return nil, syscall.EADDRINUSE
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(path)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, cause(err)
	}
	if err := os.Chmod(path, socketMode); err != nil {
		listener.Close()
		return nil, cause(err)
	}
	return listener, nil
}

// cause leaves the address out of an error, as the message has it.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
