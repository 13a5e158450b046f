package enrich

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"fluent-bit-misp/misp"
)

// A stack is what answers look-ups. Engines with the same settings for MISP and
// the cache share one, so that a value is asked for once and MISP is not asked
// more often than it should be.
type stack struct {
	client *misp.Client
	cache  *misp.Cache
	users  int
}

type settings [sha256.Size]byte

// stacks are those in use.
var stacks = struct {
	sync.Mutex
	of map[settings]*stack
}{of: map[settings]*stack{}}

// openStack returns the stack for these options, and how to give it back. The
// last one to do so closes it. What it logs goes to the log of the first. On an
// error there is nothing to give back.
func openStack(o Options) (s *stack, release func(), err error) {
	key := o.settings()
	stacks.Lock()
	defer stacks.Unlock()
	s = stacks.of[key]
	if s == nil {
		client, err := misp.NewClient(o.MISP)
		if err != nil {
			return nil, func() {}, err
		}
		s = &stack{client: client, cache: misp.NewCache(client, o.Cache)}
		stacks.of[key] = s
	}
	s.users++
	return s, sync.OnceFunc(func() {
		stacks.Lock()
		s.users--
		last := s.users == 0
		if last {
			delete(stacks.of, key)
		}
		stacks.Unlock()
		if last {
			s.client.Close()
			s.cache.Close()
		}
	}), nil
}

// settings is a digest of all that a stack goes by, secrets included.
func (o Options) settings() settings {
	m, c := o.MISP, o.Cache
	m.Log, m.Now, c.Log, c.Now = nil, nil, nil, nil
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %+v %+v", m.APIKey.Reveal(), m.Proxy.Reveal(), m, c))
}
