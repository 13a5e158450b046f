package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/gen"
)

// A setup is what all variants share.
type setup struct {
	alerts, pool int
	pieces       int    // in which the alerts are read
	chunk        string // how much is read at once at most
	seed         uint64
	binary       string // Fluent Bit
	build        string // the directory of the plugin
	dir          string
	url          string // of MISP
	sink         *sink
}

var listed = map[string][]string{
	"ip":     {"203.0.113.66"},
	"domain": {"evil.example.com"},
	"url":    {"http://evil.example.com/loader.bin"},
	"md5":    {"5d41402abc4b2a76b9719d911017c592"},
	"sha1":   {"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"},
	"sha256": {"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
}

// database has every listed indicator.
func database() *misptest.Database {
	e := misptest.Event{Info: "Loader of made-up malware", Date: "2026-02-03", ThreatLevel: 1, Published: true,
		Org: misptest.Org{Name: "CERT"}, Tags: misptest.Tags("tlp:amber", "type:osint")}
	for kind, values := range listed {
		a := misptest.Attribute{Type: kind, Category: "Payload delivery", Value: values[0], Comment: "seen in the wild",
			ToIDs: true, Timestamp: 1700000000}
		if kind == "ip" {
			a.Type, a.Category = "ip-dst", "Network activity"
		}
		e.Attributes = append(e.Attributes, a)
	}
	db := &misptest.Database{}
	db.Add(e)
	return db
}

// writeAlerts writes the alerts of which few hit and those that all do, and
// returns how large the first are.
func (s setup) writeAlerts() (bytes int, err error) {
	g := gen.New(s.seed)
	g.Pool, g.Listed, g.Share = s.pool, listed, 0.001
	bytes, err = s.write(fewHits, func() gen.Alert { return g.Next() })
	if err != nil {
		return 0, err
	}
	hitting := gen.New(s.seed)
	hitting.Pool, hitting.Listed, hitting.Share = s.pool, listed, 1
	_, err = s.write(allHit, func() gen.Alert {
		for {
			// Not every kind of alert has a field that is looked up.
			if a := hitting.Next(); a.Kind != "" {
				return a
			}
		}
	})
	return bytes, err
}

// writeNewValues writes alerts in which no value comes twice.
func (s setup) writeNewValues() error {
	g := gen.New(s.seed)
	_, err := s.write(newValues, func() gen.Alert { return g.Next() })
	return err
}

// file returns the name of a file with a piece of alerts.
func (s setup) file(name string, piece int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%d.json", name, piece))
}

// write writes alerts in pieces, and returns how large they are together.
func (s setup) write(name string, next func() gen.Alert) (bytes int, err error) {
	for piece := range s.pieces {
		n, err := s.writePiece(s.file(name, piece), s.alerts*(piece+1)/s.pieces-s.alerts*piece/s.pieces, next)
		if bytes += n; err != nil {
			return 0, err
		}
	}
	return bytes, nil
}

func (s setup) writePiece(name string, alerts int, next func() gen.Alert) (bytes int, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for range alerts {
		n, _ := w.Write(append(next().Line, '\n')) // Flush returns the error
		bytes += n
	}
	return bytes, w.Flush()
}
