package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// A result is what one piece of the alerts took.
type result struct {
	cpu, wall time.Duration // user and system together
	memory    float64       // MB at most, from the beginning of the process on
}

// compare measures every variant that is wanted.
func (s setup) compare(rounds int, only string) (results [][]result, err error) {
	results = make([][]result, len(variants))
	for round := range rounds {
		took, err := s.round(only)
		for i := range took {
			results[i] = append(results[i], took[i]...)
		}
		if err != nil {
			return results, err
		}
		fmt.Fprintf(os.Stderr, "round %d of %d is over\n", round+1, rounds)
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

// round starts a process for every variant that is wanted, has them read all
// alerts, and returns what each piece took, nothing if one could not be measured.
// They take turns, every other time from the last to the first.
func (s setup) round(only string) (results [][]result, err error) {
	results = make([][]result, len(variants))
	processes := map[int]*process{}
	var order []int
	for i, v := range variants {
		if !wanted(i, only) {
			continue
		}
		p, startErr := s.start(v)
		if startErr == nil {
			defer func() { err = errors.Join(err, p.end()) }()
			startErr = s.warmUp(p)
		}
		if startErr != nil {
			return nil, fmt.Errorf("%s: %w", v.name, startErr)
		}
		processes[i] = p
		order = append(order, i)
	}
	for piece := range s.pieces {
		for _, i := range order {
			r, err := s.measure(processes[i], piece)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", variants[i].name, err)
			}
			results[i] = append(results[i], r)
		}
		slices.Reverse(order)
	}
	return results, nil
}

// measure has a process read a piece of the alerts, and measures that.
func (s setup) measure(p *process, piece int) (r result, err error) {
	if p.output != "" {
		s.sink.drained()
	}
	before, err := p.cpu()
	if err != nil {
		return r, err
	}
	begin, err := p.read(s.file(p.file, piece))
	if err != nil {
		return r, err
	}
	end := time.Now()
	time.Sleep(settled)
	if p.output != "" {
		end = s.sink.drained()
	}
	after, err := p.cpu()
	if err != nil {
		return r, err
	}
	r.cpu, r.wall = after-before, end.Sub(begin)
	r.memory, err = p.peak()
	return r, errors.Join(err, p.complaint())
}
