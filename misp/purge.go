package misp

import "fluent-bit-misp/misp/ioc"

// Purge forgets the answer for an indicator. What is being asked for meanwhile
// is not kept: MISP may have looked it up before.
func (c *Cache) Purge(indicator ioc.Indicator) {
	key := indicator.Key()
	c.purge(func() { c.remove(c.shard(key), func(it *item) bool { return it.key == key }) })
}

// PurgeAll forgets every answer, likewise.
func (c *Cache) PurgeAll() {
	c.purge(func() {
		for i := range c.shards {
			c.remove(&c.shards[i], func(*item) bool { return true })
		}
	})
}

// purge counts before, so that no old answer is put, and after, so that what was
// settled meanwhile is not.
func (c *Cache) purge(forget func()) {
	c.purges.Add(1)
	forget()
	c.purges.Add(1)
}
