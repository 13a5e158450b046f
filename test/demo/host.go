package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/test/fluentbit"
)

// modified is the return code of a filter that has made a new chunk.
const modified = 1

// openHost starts the stand-in for Fluent Bit, which takes chunks on its
// standard input and answers on its standard output; see test/host/host.c.
func openHost(site fluentbit.Site) (*pipeline, error) {
	root, err := fluentbit.Root()
	if err != nil {
		return nil, err
	}
	options, err := site.FilterOptions()
	if err != nil {
		return nil, err
	}
	var args []string
	for _, o := range options {
		args = append(args, "-p", o)
	}
	args = append(args, filepath.Join(root, "build", "flb-filter_misp.so"))
	cmd := exec.Command(filepath.Join(root, "build", "host"), args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: make demo builds it", err)
	}

	chunks := make(chan []byte, len(expected)) // those whose answer is to come
	p := &pipeline{
		fluentBit: "none on this machine; build/host loads the plugin in its place",
		records:   make(chan []byte),
	}
	p.write = func(line []byte) error {
		chunk, err := event.AppendJSON(nil, time.Now(), line)
		if err != nil {
			return err
		}
		chunks <- chunk
		_, err = in.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(chunk))), chunk...))
		return err
	}
	p.stop = func() error {
		in.Close()
		return cmd.Wait()
	}
	go func() {
		defer close(p.records)
		answers := bufio.NewReader(out)
		for chunk := range chunks {
			answer, err := readAnswer(answers)
			if err != nil {
				return // the host has said why
			}
			if answer != nil {
				chunk = answer
			}
			p.records <- recordAsJSON(chunk)
		}
	}()
	return p, nil
}

// readAnswer returns the chunk that the filter made, or nil if it left the one
// that it got.
func readAnswer(r io.Reader) ([]byte, error) {
	var head struct {
		Code uint8
		Size uint32
	}
	if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
		return nil, err
	}
	chunk := make([]byte, head.Size)
	if _, err := io.ReadFull(r, chunk); err != nil || head.Code != modified {
		return nil, err
	}
	return chunk, nil
}

// recordAsJSON returns the record of the one event that a chunk has.
func recordAsJSON(chunk []byte) []byte {
	paths, err := event.NewPaths(nil)
	if err != nil {
		return nil
	}
	s := event.NewScanner(paths)
	s.Reset(chunk)
	if !s.Next() {
		return nil
	}
	return event.AppendAsJSON(nil, chunk[s.Event().Record:s.Event().End])
}
