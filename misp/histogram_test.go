package misp

import (
	"reflect"
	"testing"
)

func TestHistogram(t *testing.T) {
	h := NewHistogram(1, 10)
	for _, x := range []float64{0, 1, 1.5, 10, 11, 1000} {
		h.Observe(x)
	}
	got, want := h.Distribution(), Distribution{[]float64{1, 10}, []uint64{2, 2, 2}, 1023.5}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	h.Observe(5)
	if got.Counts[1] != 2 {
		t.Error("a distribution changes after it was taken")
	}
}
