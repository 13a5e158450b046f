package rules

import (
	"net/netip"
	"sync"

	"fluent-bit-misp/misp/ioc"
)

// Agents are the addresses of the agents seen in the events: our own machines,
// which are not looked up. The zero value is ready to use, and one may be
// shared by any number of Extractions at once.
type Agents struct {
	mu   sync.RWMutex
	seen map[netip.Addr]struct{}
}

// MaxAgents bounds the addresses that Agents keeps; those that come later are
// not learnt.
const MaxAgents = 1 << 16

// Learn adds an address as an event has it. Other text is passed over.
func (a *Agents) Learn(text []byte) {
	addr, reason := ioc.ParseAddr(text)
	if reason != ioc.OK || a.has(addr) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[netip.Addr]struct{}{}
	}
	if len(a.seen) < MaxAgents {
		a.seen[addr] = struct{}{}
	}
}

func (a *Agents) has(addr netip.Addr) bool {
	if a == nil {
		return false
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, seen := a.seen[addr]
	return seen
}
