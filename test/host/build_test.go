// Package host tests the shared object from outside: a small C program loads
// it and calls it exactly as Fluent Bit does. What the plugin makes of events
// is tested where it is made, in package enrich; here it is the boundary.
package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var asan = flag.Bool("asan", false, "build the plugin and the hosts with AddressSanitizer")

// What TestMain builds.
var (
	hostProgram  string
	otherProgram string // a host that is not Fluent Bit
	filterFile   string
	outputFile   string // a link to filterFile
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "host")
		if err == nil {
			defer os.RemoveAll(dir)
			err = build(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// build compiles the plugin and the hosts, without a warning, into dir.
func build(dir string) error {
	hostProgram = filepath.Join(dir, "host")
	otherProgram = filepath.Join(dir, "other")
	filterFile = filepath.Join(dir, "flb-filter_misp.so")
	outputFile = filepath.Join(dir, "out_misp.so")
	cc := "cc -std=c11 -O1 -g -Wall -Wextra -Werror -rdynamic -pthread host.c output.c clock.c stream.c fluentbit.c -ldl -o "
	goBuild := "go build -buildmode=c-shared -trimpath -o "
	if *asan {
		cc = strings.Replace(cc, "cc ", "cc -fsanitize=address ", 1)
		goBuild = strings.Replace(goBuild, "build ", "build -asan ", 1)
	}
	for _, command := range []string{
		cc + hostProgram,
		cc + otherProgram + " -DNOT_FLUENT_BIT",
		goBuild + filterFile + " fluent-bit-misp/plugin",
	} {
		args := strings.Fields(command)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-O2 -g -Werror",
			"GOFLAGS='-ldflags=-s -X fluent-bit-misp/version.number=1.2.3-test -X fluent-bit-misp/version.commit=abcd1234'")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	return os.Symlink(filepath.Base(filterFile), outputFile)
}

// reload in a list of chunks stands for a hot reload.
var reload []byte

// A result is what came of a run of the host.
type result struct {
	code    int // the exit code
	answers []answer
	log     string // stderr
}

// An answer is what the filter returned for a chunk.
type answer struct {
	code  byte
	chunk []byte
}

const (
	modified   = 1
	notTouched = 2
)

// run runs a command line of the host's over chunks.
func run(t *testing.T, chunks [][]byte, command ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var in, out, log bytes.Buffer
	for _, c := range chunks {
		size := uint32(len(c))
		if c == nil {
			size = 0xffffffff
		}
		_ = binary.Write(&in, binary.LittleEndian, size)
		in.Write(c)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &log
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%v did not end in time:\n%s", command, &log)
	}
	return result{cmd.ProcessState.ExitCode(), readAnswers(t, &out), log.String()}
}

func readAnswers(t *testing.T, r io.Reader) []answer {
	t.Helper()
	var answers []answer
	for {
		var head [5]byte
		_, err := io.ReadFull(r, head[:])
		if err == io.EOF {
			return answers
		}
		a := answer{head[0], make([]byte, binary.LittleEndian.Uint32(head[1:]))}
		if err == nil {
			_, err = io.ReadFull(r, a.chunk)
		}
		if err != nil {
			t.Fatal("answers:", err)
		}
		answers = append(answers, a)
	}
}

// lines returns the lines of a log without their times.
func lines(log string) []string {
	log = regexp.MustCompile(`(?m)^\[\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\] `).ReplaceAllString(log, "")
	return strings.Split(strings.TrimSuffix(log, "\n"), "\n")
}
