package enrich

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// Held is what the cache of an engine that runs has for an indicator.
type Held struct {
	Queue   string `json:"queue,omitempty"`   // the name of the engine's
	Verdict string `json:"verdict,omitempty"` // "" if it has nothing
	Reason  string `json:"reason,omitempty"`  // why it is unknown
	EventID int64  `json:"event_id,omitempty"`
	Left    int    `json:"seconds_left,omitempty"`  // for which it counts
	Stale   int    `json:"stale_seconds,omitempty"` // since MISP said so, if that is longer than it counts
}

// String says it for people.
func (h Held) String() string {
	left := (time.Duration(h.Left) * time.Second).String()
	switch {
	case h.Verdict == "":
		return "does not hold it"
	case h.Stale > 0:
		return fmt.Sprintf("%s, stale: MISP said so %v ago", h.Verdict, time.Duration(h.Stale)*time.Second)
	case h.Reason != "":
		return fmt.Sprintf("%s: %s, for %s more", h.Verdict, h.Reason, left)
	case h.EventID > 0:
		return fmt.Sprintf("%s in event #%d, for %s more", h.Verdict, h.EventID, left)
	}
	return fmt.Sprintf("%s, for %s more", h.Verdict, left)
}

// Peek asks the engines that keep their queues below storagePath what their
// caches have for some indicators, by indicator and engine. MISP is not asked.
func Peek(storagePath string, indicators []ioc.Indicator) (held [][]Held, err error) {
	var lines []string
	for _, i := range indicators {
		lines = append(lines, controlPeek+i.Kind().String()+" "+i.Value())
	}
	held = make([][]Held, len(indicators))
	err = eachEngine(storagePath, lines, func(queue, answer string) error {
		d := json.NewDecoder(strings.NewReader(answer))
		for i := range held {
			h := Held{Queue: queue}
			if err := d.Decode(&h); err != nil {
				return fmt.Errorf("its answer cannot be read: %w", err)
			}
			held[i] = append(held[i], h)
		}
		return nil
	})
	return held, err
}

// peek returns what is held for a kind and a value, as JSON.
func (c *control) peek(asked string) string {
	var h Held
	word, value, _ := strings.Cut(asked, " ")
	kind, err := ioc.ParseKind(word)
	if err == nil {
		if indicator, reason := ioc.Normalize(kind, value); reason == ioc.OK {
			h = c.held(indicator)
		}
	}
	b, err := json.Marshal(h) // without the queue, which the client knows
	if err != nil {
		panic(err) // texts and numbers always have a form
	}
	return string(b)
}

func (c *control) held(indicator ioc.Indicator) (h Held) {
	answer, left, held := c.cache.Held(indicator)
	if !held {
		return h
	}
	h.Verdict = answer.Verdict.String()
	h.Left = int(left / time.Second)
	h.Stale = int(answer.Age / time.Second)
	if answer.Verdict == misp.Unknown {
		h.Reason = string(answer.Reason)
	}
	if answer.Hit != nil && len(answer.Hit.Attributes) > 0 {
		h.EventID = int64(answer.Hit.Attributes[0].EventID)
	}
	return h
}
