package event

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func TestAppendedValuesAreMsgpack(t *testing.T) {
	var values []any
	for _, n := range []int64{0, 1 << 5, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 31, 1 << 32, math.MaxInt64} {
		values = append(values, n-1, n, -n, -n-1)
	}
	for _, n := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		values = append(values, strings.Repeat("x", n))
	}
	for _, want := range append(values, true, false) {
		var b []byte
		switch v := want.(type) {
		case int64:
			b = AppendInt(nil, v)
		case string:
			b = AppendString(nil, v)
		case bool:
			b = AppendBool(nil, v)
		}
		var got any
		err := msgpack.Unmarshal(b, &got)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v came back as %v (%v) from %x", want, got, err, b)
		}
		if skip(b, 0) != len(b) {
			t.Errorf("%v: not one value: %x", want, b)
		}
	}
}
