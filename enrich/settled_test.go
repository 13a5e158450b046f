package enrich

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"fluent-bit-misp/misp/ioc"
)

// TestSettledIsTheSame: that values are passed over because they are known to
// be clean shows neither in the records nor in the counts.
func TestSettledIsTheSame(t *testing.T) {
	for _, verdict := range []string{"unknown", "all", "none"} {
		e, l := onList(t, time.Now, "verdict", verdict)
		l.list(listedIP, listedDomain, listedSHA256)
		load := mixed(t, 7)
		var first []string
		var counts Stats
		var details Counts
		for pass := range 3 {
			before, all := e.Stats(), e.Counts()
			var records []string
			for _, c := range load.chunks {
				got, _ := enrich(e, c)
				records = append(records, got...)
			}
			after := e.Stats()
			now := Stats{Events: after.Events - before.Events, Indicators: after.Indicators - before.Indicators,
				Hits: after.Hits - before.Hits, Clean: after.Clean - before.Clean, Unknown: after.Unknown - before.Unknown,
				Plain: after.Plain - before.Plain}
			new := e.Counts().less(all)
			if pass == 0 {
				first, counts, details = records, now, new
			} else if !slices.Equal(records, first) {
				t.Errorf("verdict %s: pass %d differs from the first", verdict, pass)
			} else if now != counts {
				t.Errorf("verdict %s: pass %d counts %+v, the first %+v", verdict, pass, now, counts)
			} else if !reflect.DeepEqual(new, details) {
				t.Errorf("verdict %s: pass %d counts %+v, the first %+v", verdict, pass, new, details)
			}
		}
		if counts.Hits < 100 || counts.Clean < 1000 {
			t.Errorf("verdict %s: few hits or clean ones to compare: %+v", verdict, counts)
		}
	}
}

// less returns what was counted since before.
func (c Counts) less(before Counts) Counts {
	for kind, n := range before.Kinds {
		c.Kinds[kind] -= n
	}
	for rule, n := range before.Rules {
		of := c.Rules[rule]
		for v := range of {
			of[v] -= n[v]
		}
		c.Rules[rule] = of
	}
	for why, n := range before.Rejected {
		c.Rejected[why] -= n
	}
	return Counts{Kinds: c.Kinds, Rules: c.Rules, Rejected: c.Rejected}
}

// TestSettledCountsAsLookedUp: the counts of the cache show how much of what is
// looked up it has, so a clean value that is passed over is one that it had.
func TestSettledCountsAsLookedUp(t *testing.T) {
	e, l := onList(t, time.Now)
	l.list(listedIP)
	load := mixed(t, 3)
	for range 3 {
		for _, c := range load.chunks {
			enrich(e, c)
		}
	}
	s := e.cache.Stats()
	if got, want := s.Known+s.Clean+s.Unknown+s.Missed, e.Stats().Indicators; got != want {
		t.Errorf("the cache counts %d look-ups, the engine %d: %+v", got, want, s)
	}
	if s.Clean < s.Missed {
		t.Errorf("three times the same, and the cache knew little: %+v", s)
	}
}

// TestSettledTwiceInAnEvent: what an event has more than once at a path counts
// once, by the first rule that takes it, whether it is settled or not.
func TestSettledTwiceInAnEvent(t *testing.T) {
	const rules = `
version: 1
rules:
  - {name: first, lookup: [{field: data.a, type: ip}, {field: data.u, type: url}]}
  - {name: second, lookup: [{field: data.a, type: ip}]}
  - {name: third, lookup: [{field: data.v, type: url, host: data.h, port: data.p}]}
  - {name: fourth, lookup: [{field: data.v, type: url, host: data.g}]}
`
	file := writeRules(t, rules)
	for _, tt := range []struct{ name, event string }{
		{"by two rules", `{"data":{"a":"203.0.113.5"}}`},
		{"in a list", `{"data":{"a":["203.0.113.5","203.0.113.6","203.0.113.5"]}}`},
		{"what is not looked up", `{"data":{"a":["-","x","x"]}}`},
		{"a URL of one host in two fields", `{"data":{"v":"/p","h":"a.example.com","g":"a.example.com"}}`},
		{"a URL beside two hosts", `{"data":{"v":"http://a.example.com/p","h":"b.example.com","g":"c.example.com","p":"81"}}`},
		{"a path beside one host", `{"data":{"v":"/p","g":"c.example.com"}}`},
		{"a URL that is not fit, with its host", `{"data":{"u":["http://a.example.com/%","http://a.example.com/%"]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := onList(t, time.Now, "rules", file)
			c := chunk(t, tt.event)
			enrich(e, c)
			first := e.Counts()
			for pass := range 3 {
				before := e.Counts()
				enrich(e, c)
				if got := e.Counts().less(before); !reflect.DeepEqual(got, first.less(Counts{})) {
					t.Fatalf("pass %d counts %+v, the first %+v", pass+2, got, first)
				}
			}
		})
	}
}

// TestSettledURL: that a path is clean on one host, or at one port, says nothing of
// another.
func TestSettledURL(t *testing.T) {
	const rules = `
version: 1
rules:
  - {name: url, lookup: [{field: data.url, type: url, host: data.host, port: data.port}]}
`
	file := writeRules(t, rules)
	events := map[string]string{ // by URL
		"http://a.example.com/p":      `{"data":{"url":"/p","host":"a.example.com"}}`,
		"http://b.example.com/p":      `{"data":{"url":"/p","host":"b.example.com"}}`,
		"http://a.example.com:8080/p": `{"data":{"url":"/p","host":"a.example.com","port":"8080"}}`,
		"http://a.example.com:8081/p": `{"data":{"url":"/p","host":"a.example.com","port":"8081"}}`,
		"http://b.example.com:8081/p": `{"data":{"url":"/p","host":"b.example.com","port":"8081"}}`,
		"http://a.example.com/q":      `{"data":{"url":"/q","host":"a.example.com"}}`,
	}
	e, l := onList(t, time.Now, "rules", file)
	for listed := range events {
		l.mu.Lock()
		clear(l.known)
		l.mu.Unlock()
		l.list(listed)
		e.cache.PurgeAll()
		for range 40 { // in the end by a plan
			for url, event := range events {
				if got, modified := enrich(e, chunk(t, event)); modified != (url == listed) {
					t.Fatalf("%s is listed, and %s becomes %q", listed, url, got)
				}
			}
		}
		for url, n := range l.asked {
			if n > 1 {
				t.Errorf("%s was asked for %d times", url, n)
			}
		}
		clear(l.asked)
	}
}

// TestSettledEnds: a value that was clean is found once it is asked for again.
func TestSettledEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(e *Engine, clock *clock)
	}{
		{"with its time", func(_ *Engine, c *clock) { c.add(10 * time.Minute) }},
		{"when it is purged", func(e *Engine, _ *clock) {
			i, _ := ioc.Normalize(ioc.IP, "203.0.113.5")
			e.cache.Purge(i)
		}},
		{"when all is purged", func(e *Engine, _ *clock) { e.cache.PurgeAll() }},
		{"after hours in which it was not seen", func(_ *Engine, c *clock) { c.add(era) }},
		{"after a day", func(_ *Engine, c *clock) { c.add(7 * era) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := &clock{at: time.Unix(1700000000, 0)}
			e, l := onList(t, clock.now)
			c := chunk(t, sshAlert(0), `{"data":{"srcip":"203.0.113.5"},"rule":{"level":5,"groups":["sshd"]}}`)
			for range 3 {
				if got, modified := enrich(e, c); modified {
					t.Fatalf("got %q", got)
				}
			}
			if n := l.asked["203.0.113.5"]; n != 1 {
				t.Errorf("asked %d times for a clean value, want once", n)
			}
			l.list("203.0.113.5")
			if _, modified := enrich(e, c); modified {
				t.Error("a clean answer did not last")
			}
			tt.end(e, clock)
			if _, modified := enrich(e, c); !modified {
				t.Error("the value is listed now and was not found")
			}
		})
	}
}

// era is the time after which the table of settled values begins anew.
const era = (1<<12 - 1) * 4 * time.Second

// TestHitBesideCleanOnes: one value has a hit and another is clean, in one field
// and in one event, whichever comes first.
func TestHitBesideCleanOnes(t *testing.T) {
	const hashes = `{"data":{"win":{"system":{"providerName":"Microsoft-Windows-Sysmon","eventID":"1"},"eventdata":{"hashes":"MD5=%s,SHA256=%s"}}}}`
	clean, hit := "5d41402abc4b2a76b9719d911017c592", listedSHA256
	e, l := onList(t, time.Now)
	l.list(hit)
	c := chunk(t, fmt.Sprintf(hashes, clean, hit))
	for range 3 {
		if got, modified := enrich(e, c); !modified {
			t.Errorf("got %q", got)
		}
	}
	if l.asked[clean] != 1 || l.asked[hit] != 1 {
		t.Errorf("asked %v", l.asked)
	}
}

// FuzzSettled: what comes out for a chunk does not depend on what was seen
// before.
func FuzzSettled(f *testing.F) {
	f.Add(chunk(f, sshAlert(1), sshAlert(2), sshAlert(1)), byte(0))
	f.Add(chunk(f, `{"data":{"srcip":"203.0.113.5","dstip":"203.0.113.5","url":"http://a.example.com/x"}}`), byte(1))
	e, l := onList(f, time.Now)
	f.Fuzz(func(t *testing.T, c []byte, known byte) {
		l.mu.Lock()
		clear(l.known)
		l.mu.Unlock()
		e.cache.PurgeAll()
		e.Enrich(context.Background(), c, func(n int) []byte { return make([]byte, n) })
		var values []string
		for i, found := range e.found(c) {
			if i%2 == int(known%2) {
				values = append(values, found)
			}
		}
		l.list(values...)
		e.cache.PurgeAll()
		var first []byte
		for pass := range 3 {
			out, _ := e.Enrich(context.Background(), c, func(n int) []byte { return make([]byte, n) })
			if pass == 0 {
				first = out
			} else if !bytes.Equal(out, first) {
				t.Fatalf("pass %d: got %x\nfirst %x", pass, out, first)
			}
		}
	})
}

// found returns the indicators of a chunk, of which none is settled.
func (e *Engine) found(c []byte) (values []string) {
	b := newBatch(e.paths, nil)
	b.scanner.Reset(c)
	for b.scanner.Next() {
		e.set.Extract(b.scanner.Fields(), &b.extraction)
	}
	for _, f := range b.extraction.Found {
		values = append(values, f.Indicator.Clone().Value())
	}
	return values
}
