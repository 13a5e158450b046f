// Command pipeline measures what the filter costs in the real Fluent Bit, next
// to filters that come with it:
//
//	go run ./test/pipeline -n 400000 -rounds 3
//
// Every variant tails the same alerts twice, with the JSON parser and into the
// null output: once to warm up, caches included, and once to be measured. The
// variants take turns, so that what else the machine does meets them all. It
// prints medians and, in brackets, the lowest and highest value.
//
// It needs Fluent Bit (see package fluentbit for where it looks) and the built
// plugin.
package main

import (
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
	rounds := flag.Int("rounds", 3, "how often each variant is measured")
	flag.Parse()
	if err := run(s, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "pipeline:", err)
		os.Exit(1)
	}
}

func run(s setup, rounds int) error {
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
	s.plugin = filepath.Join(root, "build", "flb-filter_misp.so")
	if _, err := os.Stat(s.plugin); err != nil {
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
	bytes, err := s.writeAlerts()
	if err != nil {
		return err
	}
	fmt.Printf("Fluent Bit %s, %d alerts of %d bytes on average, %d rounds\n", version, s.alerts, bytes/s.alerts, rounds)
	results := make([][]result, len(variants))
	for round := range rounds {
		for i, v := range variants {
			r, err := s.measure(binary, v)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-22s %6.2f s CPU %6.2f s wall %5.0f MB\n", round+1, v.name, r.cpu, r.wall, r.memory)
			results[i] = append(results[i], r)
		}
	}
	return report(os.Stdout, results)
}
