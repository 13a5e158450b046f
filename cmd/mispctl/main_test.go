package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"

	"fluent-bit-misp/misp/misptest"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mispctl": main})
}

// The scripts in testdata run mispctl against a MISP with the sample events.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			server := &http.Server{Handler: misptest.New(misptest.Sample())}
			go server.Serve(listener)
			env.Defer(func() { server.Shutdown(context.Background()) })
			env.Setenv("MISP_URL", "http://"+listener.Addr().String())
			env.Setenv("MISP_API_KEY", misptest.UserKey)
			return nil
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
