package forward

import (
	"testing"

	"fluent-bit-misp/test/receiver"
)

func TestStats(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", "127.0.0.1:1,"+r.Target())
	if s := b.Stats(); !s[0].Up || s[1] != (TargetStats{Name: r.Target(), Up: true}) {
		t.Errorf("before the first chunk: %+v", s)
	}
	b.send(chunks[0])
	b.send(chunks[0])
	s := b.Stats()
	if s[0] != (TargetStats{Name: "127.0.0.1:1", Failed: 1}) {
		t.Errorf("of a target that is away: %+v", s[0])
	}
	if want := (TargetStats{Name: r.Target(), Up: true, Chunks: 2, Bytes: uint64(2 * len(chunks[0])), Acks: 2}); s[1] != want {
		t.Errorf("%+v, want %+v", s[1], want)
	}
	r.Stop()
	b.send(chunks[0])
	if s := b.Stats(); s[1].Up || s[1].Chunks != 2 || s[1].Failed != 1 {
		t.Errorf("after it went away: %+v", s[1])
	}
}

func TestStatsWithoutAcknowledgements(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", r.Target(), "forward.require_ack", "off")
	b.send(chunks[0])
	if s := b.Stats()[0]; s.Chunks != 1 || s.Acks != 0 {
		t.Errorf("%+v", s)
	}
}
