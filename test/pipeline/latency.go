package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// latencies are what is compared: how long an alert takes from the file to
// behind the filter, where Lua notes the time.
var latencies = []variant{
	{name: "no filter", file: fewHits, filter: noteTime, watcher: "On"},
	{name: "misp, 1 in 1,000 hits", file: fewHits, filter: mispSection + noteTime, watcher: "On"},
}

const noteTime = `[FILTER]
 Name lua
 Match *
 Call note
 Code local ffi = require("ffi") ffi.cdef("typedef struct { long s, n; } stamp; int clock_gettime(int, stamp *);") local now = ffi.new("stamp") local seen = io.open("SEEN", "w") function note(tag, time, record) ffi.C.clock_gettime(0, now) seen:write(record["sent"], " ", string.format("%d%09d", tonumber(now.s), tonumber(now.n)), "\n") seen:flush() return 0, 0, 0 end
`

// pause is the time from one alert to the next.
const pause = 2 * time.Millisecond

// compareLatency measures every variant in turn and prints what was seen of all
// rounds together.
func (s setup) compareLatency(rounds int) error {
	took := make([][]time.Duration, len(latencies))
	for range rounds {
		for i, v := range latencies {
			d, err := s.latency(v)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			took[i] = append(took[i], d...)
		}
	}
	for i, v := range latencies {
		slices.Sort(took[i])
		n := len(took[i])
		fmt.Printf("%-22s from the file to behind the filter: median %v, 99th percentile %v, of %d alerts\n",
			v.name, took[i][n/2], took[i][n*99/100], n)
	}
	return nil
}

// latency writes the alerts of a variant one by one, twice, and returns how long
// those of the second time took.
func (s setup) latency(v variant) (took []time.Duration, err error) {
	seen := filepath.Join(s.dir, "seen")
	v.filter = strings.ReplaceAll(v.filter, "SEEN", seen)
	alerts, err := os.ReadFile(s.file(v.file, 0))
	if err != nil {
		return nil, err
	}
	p, err := s.start(v)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	to, err := os.Create(filepath.Join(p.dir, "alerts.json"))
	if err != nil {
		return nil, err
	}
	defer to.Close()
	time.Sleep(1500 * time.Millisecond) // it looks for files once a second
	for range 2 {
		if err := trickle(to, alerts); err != nil {
			return nil, err
		}
		time.Sleep(settled)
	}
	took, err = readSeen(seen)
	if err == nil && len(took) != 2*s.alerts {
		err = fmt.Errorf("%d alerts were seen of %d", len(took), 2*s.alerts)
	}
	return took[len(took)/2:], err
}

// trickle writes alerts one by one, each with the time in its field sent.
func trickle(to io.Writer, alerts []byte) error {
	next := time.Now()
	for line := range bytes.Lines(alerts) {
		next = next.Add(pause)
		time.Sleep(time.Until(next))
		if _, err := fmt.Fprintf(to, `{"sent":"%d",%s`, time.Now().UnixNano(), line[1:]); err != nil {
			return err
		}
	}
	return nil
}

// readSeen reads how long each alert took.
func readSeen(name string) (took []time.Duration, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var sent, seen int64
		if _, scanErr := fmt.Sscan(lines.Text(), &sent, &seen); scanErr != nil {
			err = cmp.Or(err, scanErr)
		}
		took = append(took, time.Duration(seen-sent))
	}
	return took, cmp.Or(err, lines.Err())
}
