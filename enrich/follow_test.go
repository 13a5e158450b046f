package enrich

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fluent-bit-misp/enrich/pending"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
)

// One value that MISP cannot cope with does not stop the others.
func TestOneValueFails(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "10ms")
	server.Fault(misptest.At("203.0.113.250", misptest.WrongShape))
	enrich(e, chunk(t,
		`{"id":"1","data":{"srcip":"203.0.113.250"}}`,
		`{"id":"2","data":{"srcip":"203.0.113.250","dstip":"203.0.113.66"}}`,
		`{"id":"3","data":{"srcip":"203.0.113.5"}}`))
	late := lateHits(t, e, 2)
	slices.Sort(late)
	if !strings.HasPrefix(late[0], `{"id":"2",`) || !strings.HasPrefix(late[1], `{"id":"3",`) {
		t.Errorf("got %q", late)
	}
	workedOff(t, e) // MISP refuses it
}

// Nor is it asked for again and again, however many alerts have it, and others do not
// wait behind them.
func TestManyWaitForOneValue(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "4s")
	var asked atomic.Int64
	server.Fault(misptest.At("203.0.113.250", func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		asked.Add(1)
		misptest.WrongShape(w, r, answer)
	}))
	for i := range 30 {
		enrich(e, chunk(t, `{"id":"1","data":{"srcip":"203.0.113.250"}}`,
			fmt.Sprintf(`{"id":"2","data":{"srcip":"203.0.113.250","dstip":"11.1.0.%d"}}`, i)))
	}
	for i := range 60 { // other alerts, which MISP answers
		enrich(e, chunk(t, fmt.Sprintf(`{"id":"3","data":{"srcip":"11.2.0.%d"}}`, i)))
		time.Sleep(200 * time.Millisecond)
	}
	if n := asked.Load(); n > 6 {
		t.Errorf("asked for %d times within three times cache_error_ttl", n)
	}
	enrich(e, chunk(t, lateAlert))
	lateHits(t, e, 1)
}

// What is no alert is not done before the alerts in front of it.
func TestNoAlertInTheQueue(t *testing.T) {
	t.Parallel()
	server := misptest.New(database())
	url, dir := server.Start(t), filepath.Join(t.TempDir(), "s")
	server.Fault(misptest.Status(http.StatusForbidden))
	e := openAt(t, url, "max_wait", "0", "storage_path", dir)
	enrich(e, chunk(t, lateAlert))
	e.Close()
	q, err := pending.Open(pending.Config{Dir: filepath.Join(dir, "queue-1")})
	if err != nil {
		t.Fatal(err)
	}
	again := q.Next(1)[0].Data
	for i := range 2*maxFollowed + 1 {
		q.Put(t.Context(), fmt.Append(nil, "of a later version ", i))
	}
	q.Put(t.Context(), again)
	q.Close()
	e = openAt(t, url, "max_wait", "0", "storage_path", dir)
	waitUntil(t, "MISP is away", func() bool { return e.client.Away() })
	e.Close()
	server.Fault(nil)
	lateHits(t, openAt(t, url, "storage_path", dir), 2)
}

// A sourceFunc is a Source.
type sourceFunc func(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer)

func (f sourceFunc) Lookup(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
	f(ctx, indicators, answers)
}

// followed starts a follower that asks source for the alerts of these addresses.
func followed(t *testing.T, source misp.Source, away func() bool, addresses ...string) *follower {
	q, err := pending.Open(pending.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		a := alert{Open: []openIndicator{{Kind: "ip", Value: address, Field: "data.srcip"}}}
		q.Put(t.Context(), a.encode())
	}
	cache := misp.NewCache(source, misp.CacheConfig{})
	t.Cleanup(cache.Close)
	log := slog.New(slog.DiscardHandler)
	f := newFollower(storage{queue: q, log: log}, cache, away, newLayout(Options{}), &guard{log: log})
	t.Cleanup(f.close)
	return f
}

// A defect costs the alert that meets with it each time, and no other.
func TestDefectWhileOneFollowsUp(t *testing.T) {
	t.Parallel()
	known := all{&misp.Hit{Total: 1, Attributes: []misp.Attribute{{ID: 1, Type: "ip-src"}}}}
	var once sync.Once
	away := func() bool {
		once.Do(func() { panic("a defect") })
		return false
	}
	f := followed(t, known, away, "203.0.113.1", "203.0.113.2", "203.0.113.3")
	waitUntil(t, "three late hits", func() bool { return f.found.Load() == 3 })

	defective := sourceFunc(func(ctx context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
		known.Lookup(ctx, indicators, answers)
		for i := range answers {
			if indicators[i].Value() == "203.0.113.1" {
				answers[i].Hit = nil
			}
		}
	})
	f = followed(t, defective, func() bool { return false }, "203.0.113.1", "203.0.113.2", "203.0.113.3")
	waitUntil(t, "two late hits", func() bool { return f.found.Load() == 2 })
}

// An alert that waited while MISP was away comes out as one late hit.
func TestAlertStaysWhole(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "2s")
	server.Fault(misptest.Status(http.StatusInternalServerError))
	enrich(e, chunk(t,
		`{"id":"1","data":{"srcip":"203.0.113.5","dstip":["203.0.113.6","203.0.113.66"]}}`,
		`{"id":"2","data":{"srcip":"203.0.113.67"}}`))
	time.Sleep(4 * time.Second)
	enrich(e, chunk(t, `{"id":"3","data":{"srcip":"203.0.113.5"}}`)) // MISP's failure is remembered
	server.Fault(nil)
	late := lateHits(t, e, 3)
	slices.Sort(late)
	for i, count := range []int{3, 1, 1} {
		if !strings.HasPrefix(late[i], fmt.Sprintf(`{"id":"%d",`, i+1)) || !strings.Contains(late[i], fmt.Sprintf(`"misp_count":%d`, count)) {
			t.Errorf("%s, want %d attributes", late[i], count)
		}
	}
	workedOff(t, e)
}

// How long alerts have waited for MISP is told also while it is asked in vain.
func TestAgeOfWhatWaits(t *testing.T) {
	t.Parallel()
	e, server := start(t, database(), "max_wait", "0", "cache_error_ttl", "10ms")
	server.Fault(misptest.Status(http.StatusInternalServerError))
	enrich(e, chunk(t, lateAlert, `{"data":{"srcip":"203.0.113.66"}}`))
	time.Sleep(4 * time.Second)
	if age := time.Since(e.Stats().Pending.Oldest); age < 4*time.Second {
		t.Errorf("they have waited for %v", age)
	}
}

// Nor is an alert cut up when the host ends while it is asked for.
func TestAlertStaysWholeAtTheEnd(t *testing.T) {
	t.Parallel()
	server := misptest.New(database())
	url, dir := server.Start(t), filepath.Join(t.TempDir(), "s")
	e := openAt(t, url, "max_wait", "0", "cache_error_ttl", "1s", "storage_path", dir)
	server.Fault(misptest.WrongShape)
	enrich(e, chunk(t, `{"id":"1","data":{"srcip":"203.0.113.5","dstip":"203.0.113.66"}}`))
	waitUntil(t, "a failure", func() bool { return server.Counts().Requests > 0 })
	asked := make(chan bool, 100)
	server.Fault(misptest.At("203.0.113.66", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		asked <- true
		<-r.Context().Done()
	}))
	<-asked
	e.Close()
	server.Fault(nil)
	e = openAt(t, url, "storage_path", dir)
	if late := lateHits(t, e, 1); !strings.Contains(late[0], `"misp_count":3`) {
		t.Errorf("a part of it: %s", late[0])
	}
	workedOff(t, e)
}
