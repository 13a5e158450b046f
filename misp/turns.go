package misp

import (
	"context"
	"slices"
	"sync"
)

// turns hand out a number of turns; when all are taken, who is urgent gets the
// next one that is given back.
type turns struct {
	mu             sync.Mutex
	free           int
	urgent, others []chan struct{} // those that wait; closed when they have a turn
}

// take waits for a turn, which must be given back. It returns false if ctx
// ends first.
func (t *turns) take(ctx context.Context, urgent bool) bool {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return true
	}
	line, turn := &t.others, make(chan struct{})
	if urgent {
		line = &t.urgent
	}
	*line = append(*line, turn)
	t.mu.Unlock()

	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(*line, turn)
	if i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // the turn came at the same time
		t.give()
	}
	return false
}

// give gives a turn back.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range []*[]chan struct{}{&t.urgent, &t.others} {
		if len(*line) > 0 {
			close((*line)[0])
			*line = slices.Delete(*line, 0, 1)
			return
		}
	}
	t.free++
}
