// Command cmd writes made-up Wazuh alerts, one a line, to standard output:
//
//	go run ./test/gen/cmd -n 400000 -seed 1 > alerts.json
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"

	"fluent-bit-misp/test/gen"
)

func main() {
	n := flag.Int("n", 1000, "how many alerts")
	seed := flag.Uint64("seed", 1, "the same seed gives the same alerts")
	pool := flag.Int("pool", 0, "different values of each kind; 0 makes each value a new one")
	share := flag.Float64("share", 0, "part of the alerts, 0 to 1, that carry a listed indicator")
	listed := map[string][]string{}
	flag.Func("listed", "KIND=VALUE, a listed indicator; may be given again (ip, domain, url, md5, sha1, sha256)", func(s string) error {
		kind, value, found := strings.Cut(s, "=")
		if !found {
			return fmt.Errorf("want KIND=VALUE")
		}
		listed[kind] = append(listed[kind], value)
		return nil
	})
	flag.Parse()

	g := gen.New(*seed)
	g.Pool, g.Share, g.Listed = *pool, *share, listed
	out := bufio.NewWriter(os.Stdout)
	for range *n {
		out.Write(g.Next().Line)
		out.WriteByte('\n')
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
