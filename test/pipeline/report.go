package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints a line for each variant that was measured: the medians of the
// pieces, and what lies between the quartiles. What a filter adds to a piece is
// told against the variant without one, and against what modify adds in the
// middle; the output against forward. Times are those for all alerts, the memory
// is the most that the process ever had.
func (s setup) report(out io.Writer, results [][]result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "variant\tCPU s\twall s\tpeak MB\tCPU added s\tof modify's\tof its wall s\t")
	for i, v := range variants {
		var cpu, wall, memory, slower []float64
		for piece, r := range results[i] {
			cpu, wall, memory = append(cpu, s.all(r.cpu)), append(wall, s.all(r.wall)), append(memory, r.memory)
			slower = append(slower, float64(r.wall)/float64(results[v.base][piece].wall))
		}
		if cpu == nil {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t", v.name, spread(cpu, 2), spread(wall, 2), slices.Max(memory))
		if i == v.base {
			fmt.Fprintln(w, "\t\t\t")
			continue
		}
		share := ""
		if by := s.added(results, modify); by != nil {
			share = spread(over(s.added(results, i), quartiles(by)[1]), 3)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", spread(s.added(results, i), 2), share, spread(slower, 3))
	}
	return w.Flush()
}

// all returns the seconds for all alerts if each piece takes as long as one.
func (s setup) all(piece time.Duration) float64 { return piece.Seconds() * float64(s.pieces) }

// added returns the seconds of CPU that a variant adds, as each piece has it.
func (s setup) added(results [][]result, variant int) (seconds []float64) {
	for piece, r := range results[variant] {
		seconds = append(seconds, s.all(r.cpu-results[variants[variant].base][piece].cpu))
	}
	return seconds
}

// over returns the values divided by one.
func over(values []float64, by float64) (shares []float64) {
	for _, v := range values {
		shares = append(shares, v/by)
	}
	return shares
}

// quartiles returns the lower quartile, the median and the upper quartile.
func quartiles(values []float64) (q [3]float64) {
	sorted := slices.Sorted(slices.Values(values))
	for i := range q {
		at := float64(i+1) / 4 * float64(len(sorted)-1)
		low := sorted[int(at)]
		q[i] = low + (at-float64(int(at)))*(sorted[min(int(at)+1, len(sorted)-1)]-low)
	}
	return q
}

// spread returns the median and, in brackets, the quartiles.
func spread(values []float64, digits int) string {
	q := quartiles(values)
	return fmt.Sprintf("%.*f (%.*f-%.*f)", digits, q[1], digits, q[0], digits, q[2])
}
