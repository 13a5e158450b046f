package main

import (
	"context"
	"fmt"
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
			open, err := os.MkdirTemp("", "open") // into $WORK only its owner may look
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(open) })
			env.Setenv("OPEN", open)
			return os.Chmod(open, 0o755)
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("there is no condition %s", name)
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
