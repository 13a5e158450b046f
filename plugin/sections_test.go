package main

import (
	"sync"
	"testing"
)

// A handle that the host keeps too long must not lead to another section.
func TestSections(t *testing.T) {
	var all sections[int]
	if all.of(0) != nil || all.of(1) != nil {
		t.Error("something is open before anything was opened")
	}
	one, two, three := new(int), new(int), new(int)
	first, second := all.open(one), all.open(two)
	if first == 0 || all.of(first) != one || all.of(second) != two {
		t.Errorf("the handles %d and %d lead to %p and %p, want %p and %p", first, second, all.of(first), all.of(second), one, two)
	}
	if all.close(first) != one || all.close(first) != nil {
		t.Error("a section is not closed once and only once")
	}
	third := all.open(three)
	if all.of(first) != nil || all.of(second) != two || all.of(third) != three {
		t.Error("after the first was closed, its handle leads somewhere, or another one does not")
	}
	if zero := first - first; all.of(zero) != nil || all.of(zero-1) != nil || all.of(third+1) != nil {
		t.Error("a handle that was never given leads somewhere")
	}
}

func TestSectionsTogether(t *testing.T) {
	var all sections[int]
	stays := new(int)
	handle := all.open(stays)
	var threads sync.WaitGroup
	for range 4 {
		threads.Go(func() {
			for range 200 {
				mine := new(int)
				h := all.open(mine)
				if all.of(h) != mine || all.of(handle) != stays {
					t.Error("a handle leads to another section")
				}
				all.close(h)
			}
		})
	}
	threads.Wait()
}
