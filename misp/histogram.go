package misp

import (
	"slices"
	"sync"
)

// A Histogram counts numbers by their size. It may be used concurrently. Make
// one with [NewHistogram].
type Histogram struct {
	mu sync.Mutex
	d  Distribution
}

// A Distribution is what a [Histogram] has counted.
type Distribution struct {
	Bounds []float64 // ascending; shared, read-only
	Counts []uint64  // numbers up to each bound and above the one before; the last is of those above all
	Sum    float64
}

// NewHistogram returns an empty histogram with these bounds, which are
// ascending.
func NewHistogram(bounds ...float64) *Histogram {
	return &Histogram{d: Distribution{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}}
}

// Observe counts a number.
func (h *Histogram) Observe(x float64) {
	i, _ := slices.BinarySearch(h.d.Bounds, x)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.d.Counts[i]++
	h.d.Sum += x
}

// Distribution returns the counts up to now.
func (h *Histogram) Distribution() Distribution {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.d
	d.Counts = slices.Clone(d.Counts)
	return d
}
