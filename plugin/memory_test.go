package main

import "testing"

func TestBlock(t *testing.T) {
	var b block
	b.free() // of nothing
	filled := b.alloc(5)
	if len(filled) != 5 || cap(filled) != 5 {
		t.Fatalf("length %d, capacity %d, want 5", len(filled), cap(filled))
	}
	if data, size := b.give(filled); data != b.data || size != 5 {
		t.Errorf("gives %v and %d, want %v and 5", data, size, b.data)
	}
	b.free()
}

// What would harm the host is a panic, which lets the chunk pass.
func TestBlockMisused(t *testing.T) {
	tests := map[string]func(b *block, filled []byte){
		"allocated twice":   func(b *block, _ []byte) { b.alloc(5) },
		"out of memory":     func(*block, []byte) { new(block).alloc(1 << 62) },
		"memory of Go's":    func(b *block, _ []byte) { b.give(make([]byte, 5)) },
		"nothing":           func(b *block, filled []byte) { b.give(filled[:0]) },
		"freed":             func(b *block, filled []byte) { b.free(); b.give(filled) },
		"not the beginning": func(b *block, filled []byte) { b.give(filled[1:]) },
	}
	for name, misuse := range tests {
		var b block
		filled := b.alloc(5)
		if !panics(func() { misuse(&b, filled) }) {
			t.Errorf("%s: no panic", name)
		}
		b.free()
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}
