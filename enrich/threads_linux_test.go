package enrich

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkTwoThreads compares two threads that share an engine with one. A
// processor is slower while what it shares with others is busy, so each is kept to
// a processor of its own, and the work of both together is compared, in turns, with
// what one does alone on either. It reports the median of the ratios.
func BenchmarkTwoThreads(b *testing.B) {
	cpus := twoProcessors(b)
	e, _ := start(b, listing())
	l := mixed(b, 0)
	l.run(e, nil)
	var times []float64
	for b.Loop() {
		alone := (l.throughput(b, e, cpus[:1]) + l.throughput(b, e, cpus[1:])) / 2
		times = append(times, l.throughput(b, e, cpus)/alone)
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "times-one")
}

// twoProcessors returns two of the processors that the benchmark may use.
func twoProcessors(b *testing.B) (cpus []int) {
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		b.Fatal(err)
	}
	if may.Count() < 2 {
		b.Skip("it takes two processors")
	}
	for cpu := 0; len(cpus) < 2; cpu++ {
		if may.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// throughput returns how many alerts a nanosecond some threads do together, each on
// one of the processors.
func (l *load) throughput(b *testing.B, e *Engine, cpus []int) (sum float64) {
	const runs = 30
	each := make([]float64, len(cpus))
	var wg sync.WaitGroup
	for i, cpu := range cpus {
		wg.Go(func() {
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			var only unix.CPUSet
			only.Set(cpu)
			if err := unix.SchedSetaffinity(0, &only); err != nil {
				b.Error(err)
			}
			begin := time.Now()
			for range runs {
				l.run(e, nil)
			}
			each[i] = float64(runs*l.alerts) / float64(time.Since(begin))
		})
	}
	wg.Wait()
	for _, alerts := range each {
		sum += alerts
	}
	return sum
}
