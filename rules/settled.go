package rules

import (
	"cmp"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// Settled are values that need no look-up for now: what was taken from them is
// known to be clean, or there was nothing to take. Nearly every value of a log
// was there a moment ago, so most of them end here, with one line of memory
// or two touched, instead of being taken apart, normalised and looked up.
//
// A value is told by 104 bits of its hash, with seeds that nobody outside
// knows: that one is taken for another is out of reach of chance and of
// attackers. An entry gives way when another one needs its place. Settled may
// be used concurrently; make one with [NewSettled].
type Settled struct {
	seeds [2]maphash.Seed
	lines []line // a power of two

	mu       sync.Mutex // guards changes of what is below
	profiles atomic.Pointer[[]Profile]
}

// A line is a line of memory.
type line [4]cell

// A cell is what is kept of a value. Its note has, from the upper end, 40 bits
// of the hash, until when it is settled in 16 bits, and the number of a profile
// in eight. The other 64 bits of the hash are mixed with the note, so that
// halves of two values that are read together make no hash.
type cell struct{ mixed, note atomic.Uint64 }

// NewSettled returns an empty table for the values that a cache of that many
// answers is asked about: some two for each of them, since many a value has
// nothing to ask about, at 64 to 128 bytes an answer. Unlike a cache, which grows
// to its bound, it has all of its memory at once: 32 MB at most.
func NewSettled(answers int) *Settled {
	n := 1
	for n < min(answers, maxAnswers) {
		n *= 2
	}
	s := &Settled{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, lines: make([]line, n)}
	s.profiles.Store(&[]Profile{{}})
	return s
}

const maxAnswers = 1 << 19

// A mark tells a value, the way in which it is taken, and the era.
type mark struct{ one, two uint64 }

// An era is as long as times in an entry can tell apart. What was settled in
// one era is not settled in the next.
const (
	tick     = 2 * time.Second
	era      = lastTick * tick
	lastTick = 1<<16 - 1
)

// mark returns the mark of raw in no era, taken in no way.
func (s *Settled) mark(raw []byte) mark {
	return mark{maphash.Bytes(s.seeds[0], raw), maphash.Bytes(s.seeds[1], raw)}
}

// in returns the mark of the same value when it is taken in a way, in an era of
// an epoch.
func (m mark) in(way int, epoch, era uint64) mark {
	m.one += uint64(way)*0x9e3779b97f4a7c15 + epoch*0xc2b2ae3d27d4eb4f + era*0x165667b19e3779f9
	m.two = m.two >> 24 << 24
	return m
}

// home returns the line in which a mark is looked for first, and the line beside
// it, where it may be instead. A processor fetches both together.
func (s *Settled) home(m mark) (first, second *line) {
	last := uint64(len(s.lines) - 1)
	at := m.one >> 32 & last
	return &s.lines[at], &s.lines[(at^1)&last]
}

// touch has the line of a mark come from memory.
func (s *Settled) touch(m mark) {
	first, _ := s.home(m)
	first[0].note.Load()
}

// profile returns the number of the profile of a value, and whether it is
// settled.
func (s *Settled) profile(m mark, now uint64) (profile uint8, ok bool) {
	_, note := s.find(m)
	return uint8(note), note>>8&lastTick > now
}

// find returns the cell with a mark and the note that it was found with, since
// others may write to it; nil and 0 if there is none.
func (s *Settled) find(m mark) (c *cell, note uint64) {
	first, second := s.home(m)
	if c, note = first.find(m); c == nil {
		c, note = second.find(m)
	}
	return c, note
}

func (l *line) find(m mark) (c *cell, note uint64) {
	for i := range l {
		note := l[i].note.Load()
		if l[i].mixed.Load()^note == m.one && (note^m.two)>>24 == 0 {
			return &l[i], note
		}
	}
	return nil, 0
}

// keep notes that a value is settled until a tick of the era.
func (s *Settled) keep(m mark, profile uint8, now, until uint64) {
	c, _ := s.find(m)
	if c == nil {
		first, second := s.home(m)
		c = cmp.Or(first.free(now), second.free(now), &first[m.two>>24&3])
	}
	note := m.two | until<<8 | uint64(profile)
	c.note.Store(note)
	c.mixed.Store(m.one ^ note)
}

// free returns a cell in which nothing is settled, nil if there is none.
func (l *line) free(now uint64) *cell {
	for i := range l {
		if l[i].note.Load()>>8&lastTick <= now {
			return &l[i]
		}
	}
	return nil
}

// A Profile is what was in a value that is settled.
type Profile struct {
	Kinds    [ioc.NumKinds]uint32 // numbers of indicators, all of them clean
	Rejected uint32               // how often there was something else
	Why      string               // which was passed over for this reason

	indicators uint32 // of all kinds: it is asked for with every value
}

// number returns the number of a profile, and whether there is one: there are
// few, but a hostile log could make many.
func (s *Settled) number(want Profile) (number uint8, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	profiles := *s.profiles.Load()
	for i := range profiles {
		if profiles[i] == want {
			return uint8(i), true
		}
	}
	if len(profiles) == maxProfiles {
		return 0, false
	}
	profiles = append(profiles[:len(profiles):len(profiles)], want)
	s.profiles.Store(&profiles)
	return uint8(len(profiles) - 1), true
}

const maxProfiles = 256
