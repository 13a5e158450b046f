package rules

import (
	"math"
	"strconv"
	"testing"
	"unsafe"
)

// TestSettledMemory: whatever number of answers somebody wants to be kept, there
// is a table, and it is not large.
func TestSettledMemory(t *testing.T) {
	const least, most = int(unsafe.Sizeof(line{})), 32 << 20
	for _, tt := range []struct{ answers, bytes int }{
		{0, least},
		{1, least},
		{2, least},
		{3, 2 * least},
		{5, 4 * least},
		{100_000, 4 << 20},
		{1 << 20, most},
		{100_000_000, most},
		{math.MaxInt, most},
	} {
		s := NewSettled(tt.answers)
		if got := len(s.lines) * least; got != tt.bytes {
			t.Errorf("%d answers: %d bytes, want %d", tt.answers, got, tt.bytes)
		}
	}
}

// TestSettledHasRoom: the values of a full cache are nearly all settled at once,
// also those in which there is nothing to look up, which are as many again.
func TestSettledHasRoom(t *testing.T) {
	const answers = 50_000
	s := NewSettled(answers)
	of := func(i int) mark { return s.mark(strconv.AppendInt(nil, int64(i), 10)).in(1, 0) }
	for i := range 2 * answers {
		s.keep(of(i), 0, 0, 1)
	}
	lost := 0
	for i := range 2 * answers {
		if _, ok := s.profile(of(i), 0); !ok {
			lost++
		}
	}
	if lost > answers/50 {
		t.Errorf("%d of %d values are not settled any more", lost, 2*answers)
	}
}

// TestSettledInTheNextEra: what was settled in one era takes no room in the next.
func TestSettledInTheNextEra(t *testing.T) {
	const answers, ticks = 1 << 16, 150
	s := NewSettled(answers)
	of := func(i int, era uint64) mark { return s.mark(strconv.AppendInt(nil, int64(i), 10)).in(1, era) }
	for i := range 2 * answers {
		s.keep(of(i, 0), 0, lastTick-1, lastTick)
	}
	for now := range uint64(3 * ticks) {
		for i := int(now % ticks); i < 2*answers; i += ticks {
			s.keep(of(i, 1), 0, now, now+ticks)
		}
	}
	lost := 0
	for i := range 2 * answers {
		if _, ok := s.profile(of(i, 1), 3*ticks-1); !ok {
			lost++
		}
	}
	if lost > answers/30 {
		t.Errorf("%d of %d values are not settled any more", lost, 2*answers)
	}
}
