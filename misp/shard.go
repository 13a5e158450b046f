package misp

import (
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

const (
	maxShards = 64
	minShard  = 1024 // answers
)

// A shard is a go-cache with a bound, one of several so that threads seldom
// meet at a lock.
//
// The items are without end to go-cache: it goes by the clock of the machine,
// and would forget all of them when that is set. Their own expiry counts.
type shard struct {
	items *gocache.Cache // of *item

	mu   sync.Mutex // guards what is below, and every change of items
	ring []*item    // every item, in the order in which the hand asks them
	hand int
}

// An item is an answer in the cache. All but the flags, and slot under the lock
// of its shard, is set once. Its times are on the cache's clock.
type item struct {
	key       string
	answer    *Answer       // shared, read-only
	born      time.Duration // when MISP gave the answer
	ends      time.Duration // when its TTL does
	expires   time.Duration // when it is to be asked for again: later than ends if that was in vain
	slot      uint32        // its place in the ring
	used      atomic.Bool   // since the hand last came by
	refreshed atomic.Bool   // it was asked for again before its end
}

// at returns the answer with its age.
func (it *item) at(now time.Duration) Answer {
	answer := *it.answer
	if now >= it.ends {
		answer.Age = now - it.born
	}
	return answer
}

// peek returns the item of that key, also one that has ended; nil if there is
// none.
func (s *shard) peek(key string) *item {
	value, ok := s.items.Get(key)
	if !ok {
		return nil
	}
	return value.(*item)
}

// get returns the item of that key, nil if there is none that still counts.
func (s *shard) get(key string, now time.Duration) *item {
	it := s.peek(key)
	if it == nil || now >= it.expires {
		return nil
	}
	if !it.used.Load() { // a write would take the line from other threads
		it.used.Store(true)
	}
	return it
}

// put keeps an item: in place of the one with its key, else if full in place of
// one that was not used for long.
func (s *shard) put(it *item, full bool) (added, evicted int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch old, ok := s.items.Get(it.key); {
	case ok:
		it.slot = old.(*item).slot
		s.ring[it.slot] = it
	case full && len(s.ring) > 0:
		it.slot = s.oldest()
		s.items.Delete(s.ring[it.slot].key)
		s.ring[it.slot] = it
		added, evicted = 1, 1
	default:
		it.slot = uint32(len(s.ring))
		s.ring = append(s.ring, it)
		added = 1
	}
	s.items.Set(it.key, it, gocache.NoExpiration)
	return added, evicted
}

// oldest moves the hand past the next item that was not used since it last
// came by, and returns its slot.
func (s *shard) oldest() uint32 {
	for range len(s.ring) + 1 {
		s.hand %= len(s.ring)
		it := s.ring[s.hand]
		s.hand++
		if !it.used.Swap(false) {
			return it.slot
		}
	}
	return uint32(s.hand - 1) // all are in use right now
}

// removeIf removes every item that is to go, and returns how many.
func (s *shard) removeIf(gone func(*item) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, hand := s.ring[:0], 0
	for i, it := range s.ring {
		if gone(it) {
			s.items.Delete(it.key)
			continue
		}
		if i < s.hand {
			hand++
		}
		it.slot = uint32(len(kept))
		kept = append(kept, it)
	}
	removed := len(s.ring) - len(kept)
	clear(s.ring[len(kept):])
	s.ring, s.hand = kept, hand
	return removed
}
