package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// report prints a line for each variant that was measured. What a filter adds is
// told against the variant without one, and against what modify adds; the output
// against forward: the medians of the rounds, and the spread of what each round
// says. The memory is the most that the process ever had.
func report(out io.Writer, results [][]result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "variant\tCPU s\twall s\tpeak MB\tCPU added s\tof modify's\tof its wall s\t")
	for i, v := range variants {
		if len(results[i]) == 0 {
			continue
		}
		var cpu, wall, memory, added, share, slower []float64
		for round, r := range results[i] {
			base := results[v.base][round]
			cpu, wall, memory = append(cpu, r.cpu), append(wall, r.wall), append(memory, r.memory)
			added = append(added, r.cpu-base.cpu)
			if len(results[modify]) > 0 {
				share = append(share, (r.cpu-base.cpu)/(results[modify][round].cpu-results[noFilter][round].cpu))
			}
			slower = append(slower, r.wall/base.wall)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t", v.name, spread(cpu, 2), spread(wall, 2), fmt.Sprintf("%.0f", slices.Max(memory)))
		if i == v.base {
			fmt.Fprintln(w, "\t\t\t")
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", spread(added, 2), spread(share, 3), spread(slower, 3))
	}
	return w.Flush()
}

// spread returns the median and, in brackets, the lowest and highest value;
// nothing if there are none.
func spread(values []float64, digits int) string {
	if len(values) == 0 {
		return ""
	}
	slices.Sort(values)
	middle := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	return fmt.Sprintf("%.*f (%.*f-%.*f)", digits, middle, digits, values[0], digits, values[len(values)-1])
}
