package rules

import (
	"math"
	"testing"
	"unsafe"
)

// TestSettledMemory: whatever number of values somebody wants to be kept, there
// is a table, and it is not large.
func TestSettledMemory(t *testing.T) {
	const least, most = int(unsafe.Sizeof(line{})), 32 << 20
	for _, tt := range []struct{ values, bytes int }{
		{0, least},
		{1, least},
		{2, least},
		{3, 2 * least},
		{100_000, 4 << 20},
		{1 << 20, most},
		{100_000_000, most},
		{math.MaxInt, most},
	} {
		s := NewSettled(tt.values)
		if got := len(s.lines) * least; got != tt.bytes {
			t.Errorf("%d values: %d bytes, want %d", tt.values, got, tt.bytes)
		}
	}
}
