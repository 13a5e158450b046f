package misp

import "cmp"

// A Hit is what MISP knows of one indicator.
type Hit struct {
	// Attributes are those that hold the indicator, weightiest first (see
	// [Attribute.Outweighs]), at most MaxAttributes of them. Of each type that
	// there is, the weightiest is among them.
	Attributes []Attribute
	// Total counts them all, also those left out.
	Total int
	// Partial says that MISP has, or may have, more than was read: Total is the
	// least that there is.
	Partial bool
}

// MaxAttributes bounds the attributes that a Hit keeps.
const MaxAttributes = 50

// An Attribute is one entry of a MISP event that holds an indicator.
type Attribute struct {
	ID             int64
	EventID        int64
	ObjectID       int64 // 0 if it is not part of an object
	ObjectRelation string
	Category       string
	Type           string
	Value          string // as MISP has it, composites whole
	Comment        string
	UUID           string
	ToIDs          bool
	Timestamp      int64    // Unix seconds
	Tags           []string // its own and its event's
	Event          Event
}

// An Event is the MISP event that an attribute belongs to.
type Event struct {
	URL         string // opens the event in the MISP that answered
	Info        string
	UUID        string
	Org         string // the name of the organisation that created it
	Date        string // YYYY-MM-DD
	ThreatLevel int    // 1 high, 2 medium, 3 low, 4 undefined
	Published   bool
}

// Outweighs reports whether a says more of an indicator than b: one that is
// meant for detection does, then the higher threat level, then the newer one.
// The higher id decides what is left, so that the order is always the same.
func (a *Attribute) Outweighs(b *Attribute) bool { return a.compare(b) < 0 }

// compare orders attributes by weight, the weightiest first.
func (a *Attribute) compare(b *Attribute) int {
	if a.ToIDs != b.ToIDs {
		if a.ToIDs {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.Event.threatRank(), b.Event.threatRank()),
		cmp.Compare(b.Timestamp, a.Timestamp),
		cmp.Compare(b.ID, a.ID),
	)
}

// threatRank is the threat level with everything that is none (0, 4 and
// levels that MISP does not have) last.
func (e *Event) threatRank() int {
	if e.ThreatLevel < 1 || e.ThreatLevel > 3 {
		return 4
	}
	return e.ThreatLevel
}
