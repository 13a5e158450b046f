package enrich

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"fluent-bit-misp/misp"
)

// A stack is what answers look-ups. Engines with the same settings for MISP and
// the cache share one, so that a value is asked for once and MISP is not asked
// more often than it should be.
type stack struct {
	client *misp.Client
	cache  *misp.Cache
	log    *sharedLog // of its users
	users  int
}

type settings [sha256.Size]byte

// stacks are those in use.
var stacks = struct {
	sync.Mutex
	of map[settings]*stack
}{of: map[settings]*stack{}}

// openStack returns the stack for these options, and how to give it back. The
// last one to do so closes it. What it logs goes to the logs of all that have it.
// On an error there is nothing to give back.
func openStack(o Options) (s *stack, release func(), err error) {
	key := o.settings()
	stacks.Lock()
	defer stacks.Unlock()
	s = stacks.of[key]
	log := o.MISP.Log
	if s == nil {
		shared := &sharedLog{}
		o.MISP.Log, o.Cache.Log = slog.New(shared), slog.New(shared)
		client, err := misp.NewClient(o.MISP)
		if err != nil {
			return nil, func() {}, err
		}
		s = &stack{client: client, cache: misp.NewCache(client, o.Cache), log: shared}
		stacks.of[key] = s
	}
	s.users++
	s.log.add(log)
	return s, sync.OnceFunc(func() {
		stacks.Lock()
		s.log.remove(log)
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

// A sharedLog is a handler that writes to several logs, so that each section
// says what is wrong with the MISP that it asks. Add and remove may be called
// while it is in use. What With makes of it writes to the logs of that moment.
type sharedLog struct {
	mu   sync.RWMutex
	logs []*slog.Logger
}

func (s *sharedLog) add(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, log)
}

func (s *sharedLog) remove(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.logs, log); i >= 0 {
		s.logs = slices.Delete(s.logs, i, i+1)
	}
}

func (s *sharedLog) all() slog.Handler {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var handlers []slog.Handler
	for _, log := range s.logs {
		handlers = append(handlers, log.Handler())
	}
	return slog.NewMultiHandler(handlers...)
}

func (s *sharedLog) Enabled(ctx context.Context, l slog.Level) bool { return s.all().Enabled(ctx, l) }

func (s *sharedLog) Handle(ctx context.Context, r slog.Record) error { return s.all().Handle(ctx, r) }

func (s *sharedLog) WithAttrs(attrs []slog.Attr) slog.Handler { return s.all().WithAttrs(attrs) }

func (s *sharedLog) WithGroup(name string) slog.Handler { return s.all().WithGroup(name) }

// settings is a digest of all that a stack goes by, secrets included.
func (o Options) settings() settings {
	m, c := o.MISP, o.Cache
	m.Log, m.Now, c.Log, c.Now = nil, nil, nil, nil
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %+v %+v", m.APIKey.Reveal(), m.Proxy.Reveal(), m, c))
}
