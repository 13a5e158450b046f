package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
)

type runCmd struct {
	settings
	File string `arg:"" help:"File of alerts, one JSON object a line, also gzipped; - is the standard input."`
}

func (*runCmd) Help() string {
	return "Writes every line, in its order: an alert that MISP knows something of with the fields that the plugin would add, everything else as it came in. It waits for MISP's answers as long as it takes, unless -o max_wait=... says otherwise."
}

func (c *runCmd) Run(std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	engine, err := enrich.Open(c.patient, logger(std.err))
	if err != nil {
		return err
	}
	defer engine.Close()
	lines, err := openLines(c.File, std.in)
	if err != nil {
		return err
	}
	defer lines.Close()
	out := bufio.NewWriter(std.out)
	w := &runner{engine: engine, out: out}
	for {
		line, err := lines.Next()
		if err == nil {
			w.add(line)
		}
		// What can be read no further now is worked off, so that a pipe is
		// not kept waiting.
		if err != nil || len(w.lines) == maxLines || !lines.Ready() {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if w.odd > 0 {
		fmt.Fprintf(std.err, "mispctl: lines that are no JSON objects were passed on as they are: %d, the first is line %d\n", w.odd, w.firstOdd)
	}
	return nil
}

// patient returns the options, by default with time for every answer: no
// pipeline is held up here.
func (c *runCmd) patient(name string) (value string, set bool) {
	if value, set = c.property(name); !set && name == "max_wait" {
		return "1m", true
	}
	return value, set
}

// maxLines is how many alerts are enriched together.
const maxLines = 500

// A runner enriches lines chunk by chunk.
type runner struct {
	engine *enrich.Engine
	out    *bufio.Writer

	lines []runLine
	chunk []byte

	number, odd, firstOdd int
}

// A runLine is a line, and whether the chunk has an event for it.
type runLine struct {
	text  []byte
	event bool
}

func (r *runner) add(line []byte) {
	r.number++
	chunk, err := event.AppendJSON(r.chunk, time.Now(), line)
	if err != nil && len(bytes.TrimSpace(line)) > 0 {
		if r.odd++; r.odd == 1 {
			r.firstOdd = r.number
		}
	}
	r.chunk = chunk
	r.lines = append(r.lines, runLine{bytes.Clone(line), err == nil})
}

func (r *runner) flush() error {
	enriched, modified := r.engine.Enrich(context.Background(), r.chunk, func(n int) []byte { return make([]byte, n) })
	paths, err := event.NewPaths(nil)
	if err != nil {
		return err
	}
	s, before := event.NewScanner(paths), event.NewScanner(paths)
	s.Reset(enriched)
	before.Reset(r.chunk)
	for _, line := range r.lines {
		text := line.text
		if line.event && modified && s.Next() && before.Next() {
			was, is := before.Event(), s.Event()
			if !bytes.Equal(r.chunk[was.Start:was.End], enriched[is.Start:is.End]) {
				text = r.merge(text, enriched, is)
			}
		}
		r.out.Write(text)
		r.out.WriteByte('\n')
	}
	for modified && s.Next() { // late hits of an earlier run with this storage_path
		r.out.Write(event.AppendAsJSON(nil, enriched[s.Event().Record:]))
		r.out.WriteByte('\n')
	}
	r.lines, r.chunk = r.lines[:0], r.chunk[:0]
	return r.out.Flush()
}

// merge returns a line with the fields that the engine added to its event. The
// rest of the line stays as it is written.
func (r *runner) merge(line, chunk []byte, e event.Event) []byte {
	var added []byte
	e.Spans(chunk, func(key []byte, field event.Span) {
		if r.engine.Writes(key) {
			added = append(added, ',')
			added = event.AppendFieldAsJSON(added, chunk[field.Start:field.End])
		}
	})
	if added == nil {
		return line
	}
	merged := r.without(line)
	if len(merged) == 1 {
		added = added[1:]
	}
	return append(append(merged, added...), '}')
}

// without returns the JSON object of a line up to its final brace, and without
// the fields that the engine writes, as they are written anew.
func (r *runner) without(line []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(line))
	kept := []byte{'{'}
	// The line is known to be an object, so there is no error to see.
	for _, _ = d.Token(); d.More(); {
		start := d.InputOffset()
		key, _ := d.Token()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			break
		}
		if name, _ := key.(string); r.engine.Writes([]byte(name)) {
			continue
		}
		if len(kept) > 1 {
			kept = append(kept, ',')
		}
		kept = append(kept, bytes.TrimLeft(line[start:d.InputOffset()], ", \t")...)
	}
	return kept
}
