package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"fluent-bit-misp/test/fluentbit"
)

// A sink is a Fluent Bit that takes what the outputs send by the Forward
// protocol and drops it, behind a relay that sees when the last of it came.
type sink struct {
	host, port string // of the relay
	target     string // of Fluent Bit
	process    *fluentbit.Process
	last       atomic.Int64 // nanoseconds since 1970 when the last byte came
}

// openSink starts a sink.
func openSink(binary, dir string) (*sink, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &sink{target: net.JoinHostPort("127.0.0.1", port)}
	config := filepath.Join(dir, "sink.conf")
	text := "[SERVICE]\n Flush 0.2\n Log_Level warn\n[INPUT]\n Name forward\n Listen 127.0.0.1\n Port " + port +
		"\n Buffer_Max_Size 16M\n Buffer_Chunk_Size 1M\n[OUTPUT]\n Name null\n Match *\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.host, s.port, _ = net.SplitHostPort(l.Addr().String())
	if s.process, err = fluentbit.Start(binary, "-c", config); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", s.target)
		if err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("the receiving Fluent Bit: %w", err), s.close())
		}
	}
	go s.relay(l)
	return s, nil
}

// close ends Fluent Bit.
func (s *sink) close() error {
	return s.process.Stop()
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// relay joins every connection with one to Fluent Bit, until the program ends.
func (s *sink) relay(l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", s.target)
		if err != nil {
			from.Close()
			continue
		}
		go s.pass(from, to)
		go s.pass(to, from)
	}
}

// pass copies what comes until either side closes.
func (s *sink) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 256<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			s.last.Store(time.Now().UnixNano())
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// quiet is how long nothing comes once all has.
const quiet = 1500 * time.Millisecond

// drained waits until nothing comes any more, and returns when the last of it
// came.
func (s *sink) drained() time.Time {
	for {
		last := time.Unix(0, s.last.Load())
		if time.Since(last) > quiet {
			return last
		}
		time.Sleep(quiet / 10)
	}
}
