package rules

import (
	"iter"
	"slices"
	"time"
)

// A settling is the part of an Extraction that has to do with settled values.
type settling struct {
	table *Settled // nil if there is none
	now   time.Duration
	tick  uint64 // of now, in the era
	salt  uint64 // of the epoch and the era

	profiles []Profile           // of the table
	counts   [maxProfiles]uint32 // settled values since Reset, by profile
	byRule   []uint32            // indicators in them, by rule
	passed   []uint64            // those of this event that have indicators, the first ones: mark and path

	open []unsettled // what may become settled, in the order of Found

	mark   mark // of the value that is chosen at the moment
	marked bool // whether it is known

	// Of the value that is taken at the moment:
	from     int  // where what it has begins in Found
	partial  bool // that is not all: the rest was found before, or there is too much
	rejected uint32
	why      string
}

// agentWay is the way in which the address of an agent is taken; those of
// takings come behind it.
const agentWay = 1

// unsettled is a value that was taken, and what it has in Found.
type unsettled struct {
	mark
	from, to int
	rejected uint32
	why      string
}

func (u *unsettled) profile(found []Found) Profile {
	p := Profile{Rejected: u.rejected, Why: u.why, indicators: uint32(u.to - u.from)}
	for i := range found[u.from:u.to] {
		kind := found[u.from+i].Indicator.Kind()
		p.numbers[kind]++
		p.kinds |= 1 << kind
	}
	return p
}

// Skip has the Extraction pass over the values that are settled in s, for a
// chunk: at a time on a clock that does not go back, and in an epoch. What was
// settled in another epoch is not settled. S serves one Set.
func (x *Extraction) Skip(s *Settled, now time.Duration, epoch uint64) {
	x.table, x.now, x.tick = s, now, uint64(now%era/tick)
	x.salt = epoch*0xc2b2ae3d27d4eb4f + uint64(now/era)*0x165667b19e3779f9
}

// Skipped returns the values that were passed over since the last Reset because
// they are settled: their profiles, and how many there were of each.
func (x *Extraction) Skipped() iter.Seq2[*Profile, uint32] {
	return func(yield func(*Profile, uint32) bool) {
		for i := range x.profiles {
			if n := x.counts[i]; n > 0 && !yield(&x.profiles[i], n) {
				return
			}
		}
	}
}

// SkippedBy returns how many indicators were passed over since the last Reset
// because they are settled, by the rule that would have taken them. The slice
// is the Extraction's own.
func (x *Extraction) SkippedBy() []uint32 { return x.byRule }

// markOf returns the mark of a choice whose value is raw, none if it is not to be
// settled. Host and port have a say in what is taken from a path; see takeURL.
func (x *Extraction) markOf(raw []byte, c *choice) mark {
	if x.table == nil || c.way == 0 {
		return 0
	}
	if !x.marked {
		x.mark, x.marked = x.table.mark(raw), true
	}
	m := x.mark.in(c.way, x.salt)
	if c.host >= 0 && len(raw) > 0 && raw[0] == '/' {
		host, port := x.table.mark(x.text(c.host)), x.table.mark(x.text(c.port))
		m = m.beside(host).beside(port)
	}
	return m
}

// settled reports whether the value with that mark need not be taken from that path
// for a rule, which is counted.
func (x *Extraction) settled(m mark, rule, path int) bool {
	if m == 0 {
		return false
	}
	number, ok := x.table.profile(m, x.tick)
	if ok {
		x.pass(m, number, rule, path)
	}
	return ok
}

// pass counts a value that is settled. Of one that this event has had at this
// path, only what was rejected counts, as when values are taken.
func (x *Extraction) pass(m mark, number uint8, rule, path int) {
	if int(number) >= len(x.profiles) {
		x.profiles = *x.table.profiles.Load()
	}
	profile := &x.profiles[number]
	if n := profile.indicators; n > 0 {
		x.Clean = true
		if x.again(uint64(m) + uint64(path)) {
			x.passRejected(m, profile, rule, path)
			return
		}
		x.byRule[rule] += n
	}
	x.counts[number]++
}

func (x *Extraction) passRejected(m mark, of *Profile, rule, path int) {
	if of.Rejected == 0 {
		return
	}
	if number, ok := x.table.number(Profile{Rejected: of.Rejected, Why: of.Why}); ok {
		x.pass(m, number, rule, path)
	}
}

// again reports whether this event has had that mark and path, and remembers them.
func (x *Extraction) again(passed uint64) bool {
	if slices.Contains(x.passed, passed) {
		return true
	}
	if len(x.passed) < fewFound { // a hostile event can have thousands
		x.passed = append(x.passed, passed)
	}
	return false
}

// maxOpen bounds what may become settled by one chunk. A real one has some
// hundreds of such values; those of a hostile one must not fill memory.
const maxOpen = 1 << 16

// taken notes what was taken from the value with that mark, if it has one.
func (x *Extraction) taken(m mark) {
	if m != 0 && !x.partial && len(x.open) < maxOpen {
		x.open = append(x.open, unsettled{m, x.from, len(x.Found), x.rejected, x.why})
	}
}

// Settle is called once the answers for what is in Found are there. Until says
// until when those from one to the other are known to be clean, 0 if they are
// not; from is to for a value in which there was nothing.
func (x *Extraction) Settle(until func(from, to int) time.Duration) {
	for _, o := range x.open {
		if u := min(until(o.from, o.to)-x.now, longest*tick); u >= tick {
			last := min(x.tick+uint64(u/tick), lastTick)
			if number, ok := x.table.number(o.profile(x.Found)); ok {
				x.table.keep(o.mark, number, x.tick, last)
			}
		}
	}
}

// Unsettled reports whether there is something to Settle.
func (x *Extraction) Unsettled() bool { return len(x.open) > 0 }
