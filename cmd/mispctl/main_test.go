package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mispctl": main})
}

// No command passes over in silence that its output cannot be written.
func TestNoSpaceLeft(t *testing.T) {
	misp := httptest.NewServer(misptest.New(misptest.Sample()))
	defer misp.Close()
	t.Setenv("MISP_URL", misp.URL)
	t.Setenv("MISP_API_KEY", misptest.UserKey)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("alert.json", []byte(`{"data":{"srcip":"192.0.2.1"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range []string{
		"--help", "lookup 192.0.2.1", "lookup --json 192.0.2.1", "run alert.json", "extract alert.json",
		"coverage alert.json", "coverage --json alert.json", "explain alert.json", "explain --json alert.json",
		"check none.conf", "doctor", "version", "manual", "completion bash",
	} {
		t.Run(args, func(t *testing.T) {
			var said strings.Builder
			code := run(strings.Fields(args), streams{strings.NewReader(""), full, &said})
			if want := "mispctl: write /dev/full: no space left on device\n"; code != exitTrouble || said.String() != want {
				t.Errorf("exit code %d and %q, want %d and %q", code, said.String(), exitTrouble, want)
			}
		})
	}
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
