// Command pipeline measures what the filter costs in the real Fluent Bit, next
// to filters that come with it:
//
//	go run ./test/pipeline -n 400000 -rounds 3
//
// In each round there is a Fluent Bit for every variant, a new one, since two that
// do the same differ by some percent for as long as they run. It tails the same
// alerts twice, with the JSON parser: once to warm up, caches included, and once to
// be measured. Filters have the null output behind them. The output is measured
// against Fluent Bit's own of the same protocol, both waiting for the
// acknowledgement of each chunk by another Fluent Bit. The variants take turns for
// each half of the alerts, so that what else the machine does meets them all, and
// each is a measure of its own; in shorter turns, of half a second, the others
// empty the processor's caches too often. It prints medians and, in brackets, the
// quartiles.
//
// Fluent Bit reads as much at once as it does by default. -chunk has it read more,
// which makes a hit dearer: it then looks through all that it read together.
//
// The alerts are in memory, in /dev/shm, where there is such a thing: nobody waits
// for a disk then. They need some 8 kB for each alert; -dir has them elsewhere.
//
// With -latency, alerts are written one by one instead, one every 2 ms, with and
// without the filter, and what is told is how long they take from the file to
// behind the filter.
//
// With -memory, no value of an alert comes twice, so that the cache fills up with
// answers and stays full: 100,000 alerts have more values than it holds.
//
// It needs Fluent Bit (see package fluentbit for where it looks) and the built
// plugin.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
)

func main() {
	s := setup{}
	flag.IntVar(&s.alerts, "n", 400_000, "alerts in each file")
	flag.IntVar(&s.pool, "pool", 8000, "different values of each kind")
	flag.Uint64Var(&s.seed, "seed", 1, "of the alerts")
	rounds := flag.Int("rounds", 3, "how often each variant reads all alerts")
	latency := flag.Bool("latency", false, "write the alerts one by one, and tell how long one takes to get behind the filter")
	memory := flag.Bool("memory", false, "tell how much memory the filter takes when no value comes twice")
	only := flag.String("only", "", "measure those variants alone whose name has this in it, and what they are compared with")
	flag.StringVar(&s.chunk, "chunk", "32k", "how much is read at once at most")
	flag.StringVar(&s.dir, "dir", shm(), "where the alerts are put")
	flag.Parse()
	if err := run(s, *rounds, *only, *latency, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

// shm returns the directory of a file system in memory, or that for temporary
// files.
func shm() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}

func run(s setup, rounds int, only string, latency, memory bool) (err error) {
	if s.binary, err = fluentbit.Find(); err != nil {
		return err
	}
	version, _, err := fluentbit.Version(s.binary)
	if err != nil {
		return err
	}
	root, err := fluentbit.Root()
	if err != nil {
		return err
	}
	s.build = filepath.Join(root, "build")
	if _, err := os.Stat(s.plugin(variants[mispOutput])); err != nil {
		return fmt.Errorf("%w; build it with make", err)
	}
	if s.dir, err = os.MkdirTemp(s.dir, "pipeline"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	server := misptest.New(database())
	if s.url, err = listen(server); err != nil {
		return err
	}
	if s.sink, err = openSink(s.binary, s.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.sink.close()) }()
	s.pieces = 1
	if memory {
		return s.compareMemory()
	}
	if !latency {
		s.pieces = 2
	}
	bytes, err := s.writeAlerts()
	if err != nil {
		return err
	}
	fmt.Printf("Fluent Bit %s, %d alerts of %d bytes on average, read up to %s at once, %d rounds\n",
		version, s.alerts, bytes/s.alerts, s.chunk, rounds)
	if latency {
		return s.compareLatency(rounds)
	}
	results, err := s.compare(rounds, only)
	if results != nil {
		err = errors.Join(s.report(os.Stdout, results), err)
	}
	return err
}
