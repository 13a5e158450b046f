package rules

import (
	"net/netip"
	"testing"
)

func TestAgents(t *testing.T) {
	s := defaults(t, Options{})
	x := Extraction{Agents: &Agents{}}
	extract := func(event string) int {
		x.Reset()
		s.Extract(fieldsOf(t, s, event), &x)
		return len(x.Found)
	}
	if extract(`{"data":{"srcip":"203.0.113.1"}}`) != 1 {
		t.Error("an address is passed over before an agent had it")
	}
	if extract(`{"agent":{"ip":"203.0.113.1"},"data":{"srcip":"203.0.113.1","dstip":"203.0.113.2"}}`) != 1 {
		t.Error("the agent's own event: want only the other end")
	}
	if extract(`{"data":{"srcip":"::ffff:203.0.113.1","url":"http://203.0.113.1/x"}}`) != 0 {
		t.Error("the address of an agent is found in a later event")
	}
	x.Agents = nil
	if extract(`{"agent":{"ip":"203.0.113.3"},"data":{"srcip":"203.0.113.3"}}`) != 1 {
		t.Error("agents are learnt although that is off")
	}
}

func TestAgentsAreBounded(t *testing.T) {
	var a Agents
	addr := netip.MustParseAddr("2001:db8::")
	for range MaxAgents + 10 {
		addr = addr.Next()
		a.Learn([]byte(addr.String()))
	}
	if len(a.seen) != MaxAgents {
		t.Errorf("keeps %d, want %d", len(a.seen), MaxAgents)
	}
}
