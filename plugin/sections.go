package main

// #include <stdint.h>
import "C"

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Sections are the open ones of a kind, by the handle that the host keeps of each. It
// may be used concurrently, and the zero value has none. A handle is not given twice,
// so one that the host keeps too long is that of nothing. Unlike [runtime/cgo.Handle],
// which is a key of a map, it takes no search to follow one: that is done for each
// chunk.
type sections[T any] struct {
	mu  sync.Mutex // guards changes
	all atomic.Pointer[[]*T]
}

// open returns the handle of a section, which is not 0.
func (s *sections[T]) open(section *T) C.uintptr_t {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append(s.copied(), section)
	s.all.Store(&all)
	return C.uintptr_t(len(all))
}

// of returns the section of a handle, nil if there is none (any more).
func (s *sections[T]) of(handle C.uintptr_t) *T {
	if all := s.all.Load(); all != nil && uint(handle-1) < uint(len(*all)) {
		return (*all)[handle-1]
	}
	return nil
}

// close has the handle of a section be that of none, and returns the section, nil if
// there is none (any more).
func (s *sections[T]) close(handle C.uintptr_t) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	section := s.of(handle)
	if section != nil {
		all := s.copied()
		all[handle-1] = nil
		s.all.Store(&all)
	}
	return section
}

// copied returns what may be changed without those who look up being disturbed.
func (s *sections[T]) copied() []*T {
	if all := s.all.Load(); all != nil {
		return slices.Clone(*all)
	}
	return nil
}
