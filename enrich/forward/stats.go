package forward

import "sync/atomic"

// TargetStats are the counts of one target since the sender was made.
type TargetStats struct {
	Name   string // HOST:PORT or unix:/PATH
	Up     bool   // it took the last chunk that it was sent, or was sent none yet
	Chunks uint64 // it has taken
	Bytes  uint64 // of those, before they are compressed
	Acks   uint64 // acknowledgements
	Failed uint64 // attempts that failed
}

type targetStats struct {
	down                        atomic.Bool
	chunks, bytes, acks, failed atomic.Uint64
}

// count counts a chunk of size bytes that was sent, or was not.
func (s *targetStats) count(err error, size int, acknowledged bool) {
	s.down.Store(err != nil)
	if err != nil {
		s.failed.Add(1)
		return
	}
	s.chunks.Add(1)
	s.bytes.Add(uint64(size))
	if acknowledged {
		s.acks.Add(1)
	}
}

// Stats returns the counts of every target, in the order in which they are
// preferred. It does not wait for who is in Send.
func (s *Sender) Stats() []TargetStats {
	all := make([]TargetStats, len(s.targets))
	for i, t := range s.targets {
		all[i] = TargetStats{
			Name:   t.name,
			Up:     !t.stats.down.Load(),
			Chunks: t.stats.chunks.Load(),
			Bytes:  t.stats.bytes.Load(),
			Acks:   t.stats.acks.Load(),
			Failed: t.stats.failed.Load(),
		}
	}
	return all
}
