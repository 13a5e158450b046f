package rules

import (
	"cmp"
	"hash/maphash"
	"iter"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// Settled are values that need no look-up for now: what was taken from them is
// known to be clean, or there was nothing to take. Nearly every value of a log
// was there a moment ago, so most of them end here, with one line of memory
// touched, instead of being taken apart, normalised and looked up.
//
// A value is told by its place and 44 bits more of a hash, with a seed that
// nobody outside knows: that one is taken for another is out of reach of
// attackers, and chance needs some 10^12 look-ups for it. An entry gives way when
// another one needs its place. Settled may be used concurrently; make one with
// [NewSettled].
type Settled struct {
	seed  maphash.Seed
	lines []line // a power of two

	mu       sync.Mutex // guards changes of what is below
	profiles atomic.Pointer[[]Profile]
}

// A line is a line of memory, with what is kept of eight values: from the upper
// end, 44 bits of the hash, until when it is settled in 12 bits, and the number of
// a profile in eight.
type line [8]atomic.Uint64

// NewSettled returns an empty table for the values that a cache of that many
// answers is asked about: some two for each of them, since many a value has
// nothing to ask about, at 32 to 64 bytes an answer. Unlike a cache, which grows
// to its bound, it has all of its memory at once: 32 MB at most, and 2 MB beside
// them so that they can begin where a huge page does.
func NewSettled(answers int) *Settled {
	n := 1
	for 2*n < min(answers, maxAnswers) {
		n *= 2
	}
	s := &Settled{seed: maphash.MakeSeed(), lines: newLines(n)}
	s.profiles.Store(&[]Profile{{}})
	return s
}

const maxAnswers = 1 << 20

// A mark tells a value, the way in which it is taken, and the era. Zero is none.
type mark uint64

// An era is as long as times in an entry can tell apart. What was settled in
// one era is not settled in the next. No value is settled for longer than half an
// era, so that an entry of the era before shows by its time, and can give way.
const (
	tick     = 4 * time.Second
	era      = lastTick * tick
	lastTick = 1<<12 - 1
	longest  = lastTick / 2
	tagBits  = 44
)

// mark returns the mark of raw in no era, taken in no way.
func (s *Settled) mark(raw []byte) mark { return mark(maphash.Bytes(s.seed, raw)) }

// in returns the mark of the same value when it is taken in a way, in an era of
// an epoch, for which the salt stands.
func (m mark) in(way int32, salt uint64) mark {
	return m + mark(uint64(way)*0x9e3779b97f4a7c15+salt)
}

// beside returns the mark of a value that is taken with another one.
func (m mark) beside(other mark) mark { return mark(bits.RotateLeft64(uint64(m), 21)) + other }

// home returns the line in which a mark is looked for.
func (s *Settled) home(m mark) *line { return &s.lines[int(m)&(len(s.lines)-1)] }

// touch has the line of a mark come from memory.
func (s *Settled) touch(m mark) { s.home(m)[0].Load() }

// profile returns the number of the profile of a value, and whether it is
// settled.
func (s *Settled) profile(m mark, now uint64) (profile uint8, ok bool) {
	_, entry := s.home(m).find(m)
	return uint8(entry), entry>>8&lastTick > now
}

// find returns the cell with a mark and the entry that it was found with, since
// others may write to it; nil and 0 if there is none.
func (l *line) find(m mark) (cell *atomic.Uint64, entry uint64) {
	for i := range l {
		if entry := l[i].Load(); (entry^uint64(m))>>(64-tagBits) == 0 {
			return &l[i], entry
		}
	}
	return nil, 0
}

// keep notes that a value is settled until a tick of the era.
func (s *Settled) keep(m mark, profile uint8, now, until uint64) {
	l := s.home(m)
	cell, _ := l.find(m)
	if cell == nil {
		cell = cmp.Or(l.free(now), &l[m>>61])
	}
	cell.Store(uint64(m)>>(64-tagBits)<<(64-tagBits) | until<<8 | uint64(profile))
}

// free returns a cell in which nothing is settled, nil if there is none.
func (l *line) free(now uint64) *atomic.Uint64 {
	for i := range l {
		if until := l[i].Load() >> 8 & lastTick; until <= now || until > now+longest {
			return &l[i]
		}
	}
	return nil
}

// A Profile is what was in a value that is settled.
type Profile struct {
	Rejected uint32 // how often there was something that is no indicator
	Why      string // which was passed over for this reason

	indicators uint32 // of all kinds, all of them clean
	kinds      uint32 // of which there are some, a bit for each
	numbers    [ioc.NumKinds]uint32
}

const _ = uint(32 - ioc.NumKinds) // there is a bit for each

// Kinds returns the kinds of the indicators in the value, and how many there are of
// each. All of them are clean.
func (p *Profile) Kinds() iter.Seq2[ioc.Kind, uint32] {
	return func(yield func(ioc.Kind, uint32) bool) {
		for m := p.kinds; m != 0; m &= m - 1 {
			kind := bits.TrailingZeros32(m)
			if !yield(ioc.Kind(kind), p.numbers[kind]) {
				return
			}
		}
	}
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
