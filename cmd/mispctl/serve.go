package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"fluent-bit-misp/misp/misptest"
)

type serveCmd struct {
	Listen string `help:"Where to listen; by default ${default}." default:"127.0.0.1:8080" placeholder:"ADDRESS:PORT"`
}

func (*serveCmd) Help() string {
	return "Answers searches as a real MISP does, from a handful of events with addresses and names that belong to nobody. Ctrl-C ends it."
}

func (c *serveCmd) Run(std streams) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: misptest.New(misptest.Sample()), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Fprintf(std.out, "export MISP_URL=http://%s MISP_API_KEY=%s\n", listener.Addr(), misptest.UserKey)
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}
