// Package chaos tests that nothing is lost and nothing blocked: alerts flow
// through the shared object, in the C host of test/host and in the real Fluent
// Bit where there is one, while MISP, the network and the disk fail in every way
// that they are known to. After each fault the same holds: every alert came out
// once, as it was but for the fields that were added; no call took longer than
// max_wait allows; every alert that MISP knows something of became a hit or a
// late hit, and no other did; and nothing was left behind.
//
// The short form has each fault for a moment. With -args -long they last, and
// those are there as well that take minutes to get over; -args -soak 30m
// switches faults at random for that long.
package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	long = flag.Bool("long", false, "have each fault last, and those that take minutes to get over")
	soak = flag.Duration("soak", 0, "for how long to switch faults at random")
	seed = flag.Uint64("seed", 0, "of what happens at random; 0 is a new one")
)

// What TestMain builds.
var hostProgram, filterFile string

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	// The tests mostly wait.
	_ = flag.Set("test.parallel", "6")
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "chaos")
		if err == nil {
			defer os.RemoveAll(dir)
			err = build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if code != 0 {
			fmt.Printf("to have the same at random again: -args -seed %d\n", *seed)
		}
		return code
	}())
}

func build(dir string) error {
	hostProgram = filepath.Join(dir, "host")
	filterFile = filepath.Join(dir, "flb-filter_misp.so")
	for _, command := range []string{
		"cc -std=c11 -O1 -g -rdynamic -pthread ../host/host.c ../host/output.c ../host/clock.c ../host/stream.c ../host/fluentbit.c -ldl -o " + hostProgram,
		"go build -buildmode=c-shared -trimpath -ldflags=-s -o " + filterFile + " fluent-bit-misp/plugin",
	} {
		args := strings.Fields(command)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	return nil
}

// random returns a source of its own for a test, told by its name.
func random(t *testing.T) *rand.Rand {
	t.Logf("seed %d", *seed)
	r := rand.NewPCG(*seed, 0)
	for _, c := range t.Name() {
		r = rand.NewPCG(r.Uint64(), uint64(c))
	}
	return rand.New(r)
}

const (
	maxWait = 200 * time.Millisecond
	margin  = 50 * time.Millisecond
)

// lasting returns the first duration in the short form, the second in the long.
func lasting(short, whole time.Duration) time.Duration {
	if *long {
		return whole
	}
	return short
}
