package metrics

import (
	"fmt"
	"time"
)

// A health is the answer to /healthz.
type health struct {
	Status  string   `json:"status"` // ready or degraded
	Reasons []reason `json:"reasons"`
}

// A reason is why a section is degraded.
type reason struct {
	Section string `json:"section"`
	Code    string `json:"code"`
	Text    string `json:"text"`
}

const (
	ready    = "ready"
	degraded = "degraded"

	mispAway          = "misp_away"
	queueDropping     = "queue_dropping"
	storageInMemory   = "storage_in_memory"
	storageUnreadable = "storage_unreadable"
	targetAway        = "target_away"
)

// recently is how long a queue counts as dropping after it dropped something.
const recently = 10 * time.Minute

// judge says how sections are.
func judge(readings []reading, now time.Time) health {
	h := health{Status: ready, Reasons: []reason{}}
	for i := range readings {
		r := &readings[i]
		say := func(code, format string, args ...any) {
			h.Status = degraded
			h.Reasons = append(h.Reasons, reason{r.name, code, fmt.Sprintf(format, args...)})
		}
		if r.client != nil {
			for _, s := range r.client.Servers {
				switch {
				case s.Held == nil:
				case s.Since.IsZero():
					say(mispAway, "%s", s.Held)
				default:
					say(mispAway, "%s; since %s", s.Held, s.Since.UTC().Format(time.RFC3339))
				}
			}
		}
		q := &r.stats.Pending
		if q.InMemory != "" {
			say(storageInMemory, "%s", q.InMemory)
		}
		if q.Unreadable != "" {
			say(storageUnreadable, "%s", q.Unreadable)
		}
		if q.Dropped > 0 && now.Sub(q.DroppedAt) < recently {
			say(queueDropping, "%d alerts that waited for MISP were dropped or lost, the last at %s: the log says why",
				q.Dropped, q.DroppedAt.UTC().Format(time.RFC3339))
		}
		if r.output != nil {
			for _, t := range r.output.Targets {
				if !t.Up {
					say(targetAway, "%s does not take chunks: the log says why", t.Name)
				}
			}
		}
	}
	return h
}
