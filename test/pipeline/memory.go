package main

import (
	"errors"
	"fmt"
)

// memories are what is compared: the memory that Fluent Bit takes at most while
// the cache fills up to its bound, and then lets go of old values for new ones.
var memories = []variant{
	{name: "no filter", file: newValues},
	{name: "misp, only new values", file: newValues, filter: mispSection},
}

// compareMemory prints the peak of every variant, and what the filter adds.
func (s setup) compareMemory() error {
	if err := s.writeNewValues(); err != nil {
		return err
	}
	var peaks []float64
	for _, v := range memories {
		p, err := s.start(v)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		err = s.warmUp(p)
		peak, peakErr := p.peak()
		if err := errors.Join(err, peakErr, p.end()); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		peaks = append(peaks, peak)
		fmt.Printf("%-22s %3.0f MB at most\n", v.name, peak)
	}
	fmt.Printf("the filter adds %.0f MB\n", peaks[1]-peaks[0])
	return nil
}
