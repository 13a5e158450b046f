package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"fluent-bit-misp/misp"
)

// searchesPerFile is how often MISP would be asked for a file of alerts.
type searchesPerFile struct {
	OneByOne int `json:"one_by_one"`  // a search for each indicator, as scripts do
	Batched  int `json:"batched"`     // one for all indicators of the same second
	Cached   int `json:"with_cache"`  // the same, only for values that are not cached
	Seconds  int `json:"within_secs"` // from the first alert to the last, by their timestamps
}

// costs counts searches as the plugin would make them: Wazuh writes its alerts
// once a second, and Fluent Bit reads what there is.
type costs struct {
	total       searchesPerFile
	first, last time.Time
	second      time.Time
	asked       bool                 // in this second, with the cache
	batched     bool                 // likewise, without
	cached      map[string]time.Time // until when the answer for a value is kept
}

// defaults are those of the plugin's cache.
var defaults = misp.CacheConfig{}.WithDefaults()

func newCosts() costs { return costs{cached: map[string]time.Time{}} }

// add counts the indicators of one alert. Alerts whose time cannot be read
// count for the second of the one before.
func (c *costs) add(line []byte, keys []string) {
	var alert struct {
		Timestamp string `json:"timestamp"`
	}
	_ = json.Unmarshal(line, &alert)
	if at, err := time.Parse("2006-01-02T15:04:05.000-0700", alert.Timestamp); err == nil {
		c.at(at)
	}
	c.total.OneByOne += len(keys)
	for _, key := range keys {
		if !c.batched {
			c.batched = true
			c.total.Batched++
		}
		if until, ok := c.cached[key]; ok && c.second.Before(until) {
			continue
		}
		if len(c.cached) < defaults.Size {
			c.cached[key] = c.second.Add(defaults.NegativeTTL)
		}
		if !c.asked {
			c.asked = true
			c.total.Cached++
		}
	}
}

// at goes to the time of the next alert.
func (c *costs) at(at time.Time) {
	if c.first.IsZero() || at.Before(c.first) {
		c.first = at
	}
	if at.After(c.last) {
		c.last = at
	}
	c.total.Seconds = int(c.last.Sub(c.first) / time.Second)
	if second := at.Truncate(time.Second); !second.Equal(c.second) {
		c.second, c.asked, c.batched = second, false, false
	}
}

// perDay scales a count to a day, if the file has more than a minute and less
// than that.
func (s searchesPerFile) perDay(n int) int {
	const day = 24 * 60 * 60
	if s.Seconds < 60 || s.Seconds > day {
		return n
	}
	return int(float64(n) * day / float64(s.Seconds))
}

func (s searchesPerFile) write(w io.Writer) {
	fmt.Fprintln(w, "\nSearches that a day of such alerts costs MISP")
	for _, line := range []struct {
		what string
		n    int
	}{
		{"one for each indicator", s.OneByOne},
		{"in batches", s.Batched},
		{"in batches, behind the cache", s.Cached},
	} {
		fmt.Fprintf(w, "  %-30s %d\n", line.what, s.perDay(line.n))
	}
}
