package enrich

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"fluent-bit-misp/enrich/pending"
)

// adoptEvery is how often an engine looks for queues that nobody has open. The
// first time, all engines that start together have theirs.
const adoptEvery = 5 * time.Second

// adopt takes over what waits in queues that no engine has open, because their
// section is gone from the configuration or asks another MISP now, until ctx
// ends. Those of the engine's own MISP are taken over at once, the others if
// after the same time again nobody who asks theirs has taken them over.
func (s storage) adopt(ctx context.Context) {
	ticker := time.NewTicker(adoptEvery)
	defer ticker.Stop()
	for label := s.label; ; label = "" {
		select {
		case <-ticker.C:
			s.takeOver(ctx, label)
		case <-ctx.Done():
			return
		}
	}
}

// takeOver moves what waits in queues of that label, or of any if it is "", to
// the engine's own, when there is room. It is done there before it is gone here:
// if the process ends in between, it is in both.
func (s storage) takeOver(ctx context.Context, label string) {
	dirs, _ := queueDirs(filepath.Dir(s.dir))
	for _, dir := range dirs {
		if dir == s.dir || !pending.Holds(dir) {
			continue
		}
		q, err := pending.Open(pending.Config{Dir: dir, Label: label})
		if err != nil {
			continue // it is somebody's, or not fit to be
		}
		if stats := q.Stats(); q.Durable() && stats.Waiting > 0 {
			s.log.Info(fmt.Sprintf("storage_path: %d alerts wait in %s, which no section uses: they are asked for by this one", stats.Waiting, dir), "damaged_files", stats.Damaged)
			s.move(ctx, q)
		}
		q.Close()
	}
}

func (s storage) move(ctx context.Context, from *pending.Queue) {
	for ctx.Err() == nil {
		if stats := s.queue.Stats(); stats.Waiting >= maxFollowed || stats.Failing {
			pause(ctx, firstPause)
			continue
		}
		entries := from.Next(maxFollowed)
		if len(entries) == 0 {
			return
		}
		var alerts [][]byte
		for _, entry := range entries {
			if entry.Data != nil {
				alerts = append(alerts, entry.Data)
			}
		}
		s.queue.Put(ctx, alerts...)
		if ctx.Err() == nil && !s.queue.Stats().Failing {
			from.Done(entries[len(entries)-1].Number)
		}
	}
}

// pause waits, but not longer than ctx allows.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
