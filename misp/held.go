package misp

import (
	"time"

	"fluent-bit-misp/misp/ioc"
)

// Held returns the answer that the cache has for an indicator, and for how long
// it still counts: 0 if it is a hit past its end that serves while the next
// source does not answer. Unlike a look-up it changes nothing, not even counts.
func (c *Cache) Held(indicator ioc.Indicator) (answer Answer, left time.Duration, held bool) {
	now := c.elapsed()
	it := c.shard(indicator.Key()).peek(indicator.Key())
	if it == nil || now >= it.expires && !c.serves(it, now) {
		return Answer{}, 0, false
	}
	return it.at(now), max(it.expires-now, 0), true
}
