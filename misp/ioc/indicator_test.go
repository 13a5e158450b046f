package ioc

import "testing"

func TestNormalize(t *testing.T) {
	for _, kind := range Kinds() {
		if len(values[kind]) == 0 {
			t.Errorf("%s has no test", kind)
		}
		for _, v := range values[kind] {
			got, reason := Normalize(kind, v.in)
			if got.Value() != v.want || reason != v.reason {
				t.Errorf("%s %s: %q: got %q, %s; want %q, %s", kind, v.name, v.in, got.Value(), reason, v.want, v.reason)
			}
			if reason == OK && got.Kind() != kind {
				t.Errorf("%s %s: kind is %s", kind, v.name, got.Kind())
			}
		}
	}
}

// Most values of a stream are none, or known already: neither may cost memory.
func TestAddDoesNotAllocate(t *testing.T) {
	b := Buffer{text: make([]byte, 0, 1<<12)}
	for kind, values := range values {
		for _, v := range values {
			if !isASCII([]byte(v.in)) {
				continue // takes the long way through idna
			}
			raw := []byte(v.in)
			if n := testing.AllocsPerRun(10, func() { b.Add(kind, raw); b.Reset() }); n != 0 {
				t.Errorf("%s %s: %q: %v allocations", kind, v.name, v.in, n)
			}
		}
	}
}

func TestIndicator(t *testing.T) {
	var none Indicator
	if !none.IsZero() || none.Kind() != None || none.Value() != "" {
		t.Errorf("the zero Indicator is %v", none)
	}
	a, _ := Normalize(URL, "http://evil.example/A")
	b, _ := Normalize(URL, "HTTP://EVIL.example/A")
	c, _ := Normalize(URL, "http://evil.example/a")
	if a != b || a == c {
		t.Errorf("%v == %v is %v, %v == %v is %v", a, b, a == b, a, c, a == c)
	}
	if a.Fold() != c.Fold() || c.Fold() != c.Key() {
		t.Errorf("Fold: %q and %q", a.Fold(), c.Fold())
	}
	if got, want := a.String(), "url http://evil.example/A"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A clone must outlive the buffer that its indicator was a view of.
func TestClone(t *testing.T) {
	var b Buffer
	view, _ := b.Add(Domain, []byte("first.example"))
	clone := view.Clone()
	b.Reset()
	b.Add(Domain, []byte("other.example"))
	if got := clone.Value(); got != "first.example" {
		t.Errorf("got %q", got)
	}
}

func TestAddUnknownKind(t *testing.T) {
	for _, kind := range []Kind{None, NumKinds, 255} {
		if _, reason := Normalize(kind, "evil.example"); reason != Malformed {
			t.Errorf("kind %d: %s", kind, reason)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, kind := range Kinds() {
		accepted, rejected := values[kind][0], values[kind][0]
		for _, v := range values[kind] {
			if v.reason == Malformed {
				rejected = v
			}
		}
		for name, raw := range map[string][]byte{"accept": []byte(accepted.in), "reject": []byte(rejected.in)} {
			b.Run(kind.String()+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				var buf Buffer
				for b.Loop() {
					buf.Reset()
					buf.Add(kind, raw)
				}
			})
		}
	}
}
