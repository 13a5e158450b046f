// Command pipeline measures what the filter costs in the real Fluent Bit, next
// to filters that come with it:
//
//	go run ./test/pipeline -n 400000 -rounds 3
//
// There is a Fluent Bit for every variant. It tails the same alerts once to warm
// up, caches included, and once more in each round, with the JSON parser. Filters
// have the null output behind them. The output is measured against Fluent Bit's
// own of the same protocol, both waiting for the acknowledgement of each chunk by
// another Fluent Bit. The variants take turns, so that what else the machine does
// meets them all. It prints medians and, in brackets, the lowest and highest value
// of the rounds.
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
	"slices"
	"strings"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
)

func main() {
	s := setup{}
	flag.IntVar(&s.alerts, "n", 400_000, "alerts in each file")
	flag.IntVar(&s.pool, "pool", 8000, "different values of each kind")
	flag.Uint64Var(&s.seed, "seed", 1, "of the alerts")
	rounds := flag.Int("rounds", 3, "how often each variant is measured")
	latency := flag.Bool("latency", false, "write the alerts one by one, and tell how long one takes to get behind the filter")
	memory := flag.Bool("memory", false, "tell how much memory the filter takes when no value comes twice")
	only := flag.String("only", "", "measure those variants alone whose name has this in it, and what they are compared with")
	flag.Parse()
	if err := run(s, *rounds, *only, *latency, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

func run(s setup, rounds int, only string, latency, memory bool) (err error) {
	binary, err := fluentbit.Find()
	if err != nil {
		return err
	}
	version, _, err := fluentbit.Version(binary)
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
	if s.dir, err = os.MkdirTemp("", "pipeline"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	server := misptest.New(database())
	if s.url, err = listen(server); err != nil {
		return err
	}
	if s.sink, err = openSink(binary, s.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.sink.close()) }()
	if memory {
		return s.compareMemory(binary)
	}
	bytes, err := s.writeAlerts()
	if err != nil {
		return err
	}
	fmt.Printf("Fluent Bit %s, %d alerts of %d bytes on average, %d rounds\n", version, s.alerts, bytes/s.alerts, rounds)
	if latency {
		return s.compareLatency(binary, rounds)
	}
	results, err := s.compare(binary, rounds, only)
	if results != nil {
		err = errors.Join(report(os.Stdout, results), err)
	}
	return err
}

// compare starts a process for every variant that is wanted and measures them in
// turns.
func (s setup) compare(binary string, rounds int, only string) (results [][]result, err error) {
	results = make([][]result, len(variants))
	processes := make([]*process, len(variants))
	for i, v := range variants {
		if !wanted(i, only) {
			continue
		}
		p, startErr := s.start(binary, v)
		if startErr != nil {
			return nil, fmt.Errorf("%s: %w", v.name, startErr)
		}
		processes[i] = p
		defer func() { err = errors.Join(err, p.stop()) }()
	}
	for round := range rounds {
		for i, p := range processes {
			if p == nil {
				continue
			}
			r, err := s.measure(p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-22s %6.2f s CPU %6.2f s wall %5.0f MB\n", round+1, p.name, r.cpu, r.wall, r.memory)
			results[i] = append(results[i], r)
		}
	}
	return results, nil
}

// wanted reports whether variant i is to be measured.
func wanted(i int, only string) bool {
	return slices.ContainsFunc(variants, func(v variant) bool {
		return strings.Contains(v.name, only) &&
			(v.name == variants[i].name || v.base == i || v.filter != "" && (i == noFilter || i == modify))
	})
}
