package enrich

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/rules"
)

// start opens an engine for a MISP with this database.
func start(t testing.TB, db *misptest.Database, pairs ...string) (*Engine, *misptest.Server) {
	t.Helper()
	server := misptest.New(db)
	url := server.Start(t)
	e, err := Open(stanza(append(pairs, "url", url, "api_key", misptest.UserKey)...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, server
}

// chunk makes one of alerts in JSON.
func chunk(t testing.TB, alerts ...string) []byte {
	t.Helper()
	var c []byte
	for _, alert := range alerts {
		var err error
		if c, err = event.AppendJSON(c, time.Unix(1700000000, 0), []byte(alert)); err != nil {
			t.Fatalf("%v: %s", err, alert)
		}
	}
	return c
}

// alerts returns the records of a chunk as JSON.
func alerts(c []byte) (records []string) {
	paths, _ := event.NewPaths(nil)
	s := event.NewScanner(paths)
	for s.Reset(c); s.Next(); {
		records = append(records, string(event.AppendAsJSON(nil, c[s.Event().Record:])))
	}
	return records
}

// enrich returns the records that come out, and whether any was changed.
func enrich(e *Engine, c []byte) ([]string, bool) {
	out, modified := e.Enrich(context.Background(), c, func(n int) []byte { return make([]byte, n) })
	if !modified {
		out = c
	}
	return alerts(out), modified
}

// database has the attributes that the tests look for.
func database() *misptest.Database {
	const network = "Network activity"
	at := func(s int64) int64 { return 1700000000 + s }
	db := &misptest.Database{}
	db.Add(
		misptest.Event{
			Info: "Loader", UUID: "11111111-0000-4000-8000-000000000001", Date: "2026-02-03", ThreatLevel: 1, Published: true,
			Org: misptest.Org{Name: "DEMO"}, Tags: misptest.Tags("tlp:amber"),
			Attributes: []misptest.Attribute{
				{Type: "ip-dst", Category: network, Value: "203.0.113.66", Comment: "c2", ToIDs: true, Timestamp: at(0),
					UUID: "11111111-0000-4000-8000-00000000000a", Tags: misptest.Tags("tlp:green")},
				{Type: "domain", Category: network, Value: "evil.example.com", ToIDs: true, Timestamp: at(1)},
				{Type: "hostname", Category: network, Value: "host.other.example.com", ToIDs: true, Timestamp: at(2)},
				{Type: "domain|ip", Category: network, Value: "combo.example.com|203.0.113.67", ToIDs: true, Timestamp: at(3)},
			},
		},
		misptest.Event{
			Info: "Scanners", Date: "2026-02-04", ThreatLevel: 3, Published: true, Org: misptest.Org{Name: "CERT"},
			Attributes: []misptest.Attribute{
				{Type: "ip-src", Category: network, Value: "203.0.113.66", ToIDs: true, Timestamp: at(10)},
				{Type: "ip-src", Category: network, Value: "203.0.113.5", ToIDs: true, Timestamp: at(11)},
			},
		},
	)
	return db
}

// One hostile alert can have no end of indicators. What is not looked up is not
// called clean.
func TestTooManyIndicators(t *testing.T) {
	e, server := start(t, database())
	var ips []string
	for i := range 2 * rules.MaxFound {
		ips = append(ips, fmt.Sprintf(`"11.%d.%d.%d"`, i>>16, i>>8&0xff, i&0xff))
	}
	got, _ := enrich(e, chunk(t, `{"data":{"srcip":[`+strings.Join(ips, ",")+`]}}`, `{"data":{"srcip":"203.0.113.6"}}`))
	if !strings.HasSuffix(got[0], `"misp_verdict":"unknown","misp_error":"too_many"}`) || got[1] != `{"data":{"srcip":"203.0.113.6"}}` {
		t.Errorf("got %.80s ... %s, %s", got[0], got[0][len(got[0])-60:], got[1])
	}
	if n := server.Counts().Values; n != rules.MaxFound+1 {
		t.Errorf("%d values were asked for", n)
	}
}

// The same goes for values that are no indicators: one may stand behind them.
func TestTooManyValues(t *testing.T) {
	many := strings.Repeat(`"none",`, rules.MaxChosen)
	for _, verdict := range []string{"unknown", "all"} {
		e, _ := start(t, database(), "verdict", verdict)
		for pass := range 3 {
			got, _ := enrich(e, chunk(t,
				`{"data":{"srcip":[`+many+`"203.0.113.6"]}}`,
				`{"data":{"srcip":["203.0.113.6",`+many+`"203.0.113.6"]}}`))
			for i := range got {
				if !strings.HasSuffix(got[i], `"misp_verdict":"unknown","misp_error":"too_many"}`) {
					t.Errorf("verdict %s, pass %d, record %d: ...%s", verdict, pass, i, got[i][len(got[i])-60:])
				}
			}
		}
		if s := e.Stats(); s.Unknown != 6 || s.Clean != 0 || s.Plain != 0 {
			t.Errorf("verdict %s: %+v", verdict, s)
		}
	}
}

// MISP lists a whole domain by the type domain, a single host by hostname: only
// the first says something of the names below it.
func TestParentMatchesOnlyDomains(t *testing.T) {
	e, _ := start(t, database())
	query := func(name string) string {
		return `{"data":{"win":{"system":{"providerName":"Microsoft-Windows-Sysmon","eventID":"22"},"eventdata":{"queryName":"` + name + `"}}}}`
	}
	got, _ := enrich(e, chunk(t, query("a.b.evil.example.com"), query("x.host.other.example.com"), query("host.other.example.com")))
	for i, want := range []bool{true, false, true} {
		if hit := strings.Contains(got[i], `"misp_verdict":"hit"`); hit != want {
			t.Errorf("record %d: hit %v, want %v: %s", i, hit, want, got[i])
		}
	}
}

// The address of an agent is our own: it is not looked up once it was seen.
func TestAgentsAreLearnt(t *testing.T) {
	const seen, attack = `{"agent":{"id":"001","ip":"203.0.113.5"}}`, `{"data":{"srcip":"203.0.113.5"}}`
	for option, hit := range map[string]bool{"on": false, "off": true} {
		e, _ := start(t, database(), "learn_agents", option)
		if _, modified := enrich(e, chunk(t, seen, attack)); modified != hit {
			t.Errorf("learn_agents %s: hit %v, want %v", option, modified, hit)
		}
	}
}

func TestChunkWithoutHitIsNotTouched(t *testing.T) {
	e, server := start(t, database())
	c := chunk(t, `{"data":{"srcip":"203.0.113.6"}}`, `{"data":{"srcip":"10.1.1.1"}}`, `{"full_log":"nothing"}`)
	before := bytes.Clone(c)
	for range 3 {
		out, modified := e.Enrich(context.Background(), c, func(int) []byte { t.Error("memory was asked for"); return nil })
		if out != nil || modified || !bytes.Equal(c, before) {
			t.Fatal("the chunk was touched")
		}
	}
	if n := server.Counts().Requests; n != 1 {
		t.Errorf("%d requests, want 1: the second time the cache knows", n)
	}
	if s := e.Stats(); s.Events != 9 || s.Clean != 3 || s.Indicators != 3 || s.Hits+s.Unknown+s.Passed != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestOddChunksPass(t *testing.T) {
	e, _ := start(t, database())
	hit := chunk(t, `{"data":{"srcip":"203.0.113.5"}}`)
	deep := append(bytes.Repeat([]byte{0x91}, 1000), 0xc0)
	tests := map[string][]byte{
		"nothing":                   {},
		"text":                      []byte("not msgpack at all"),
		"a record that is no map":   {0x92, 0x92, 0x00, 0x80, 0xa1, 'x'},
		"nested a thousand deep":    append([]byte{0x92, 0x00, 0x81, 0xa4, 'd', 'a', 't', 'a'}, deep...),
		"text that is not UTF-8":    chunk(t, `{"data":{"srcip":"\ufffd"}}`),
		"sixty-four kB of a string": chunk(t, `{"data":{"srcip":"`+strings.Repeat("1", 64<<10)+`"}}`),
	}
	for name, odd := range tests {
		t.Run(name, func(t *testing.T) {
			if out, modified := e.Enrich(context.Background(), odd, nil); modified {
				t.Errorf("touched: %x", out)
			}
			both := append(bytes.Clone(hit), odd...)
			out, modified := e.Enrich(context.Background(), both, func(n int) []byte { return make([]byte, n) })
			if !modified || !bytes.HasSuffix(out, odd) || !strings.Contains(string(out), "misp_verdict") {
				t.Errorf("beside a hit: touched %v: %x", modified, out)
			}
		})
	}
}

func TestEnrichConcurrently(t *testing.T) {
	e, _ := start(t, database())
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 50 {
				c := chunk(t, fmt.Sprintf(`{"n":%d,"data":{"srcip":"203.0.113.%d"}}`, n*50+i, i%10), `{"data":{"srcip":"203.0.113.5"}}`)
				got, _ := enrich(e, c)
				if len(got) != 2 || !strings.HasPrefix(got[0], fmt.Sprintf(`{"n":%d,`, n*50+i)) || !strings.Contains(got[1], `"misp_id":6`) {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
}

// all answers every indicator as known.
type all struct{ hit *misp.Hit }

func (a all) Lookup(_ context.Context, indicators []ioc.Indicator, answers []misp.Answer) {
	for i := range indicators {
		answers[i] = misp.Answer{Verdict: misp.Known, Hit: a.hit}
	}
}

// FuzzEnrich holds the engine to its invariant: of any chunk, what comes out
// without the added fields is what went in.
func FuzzEnrich(f *testing.F) {
	f.Add(chunk(f, `{"data":{"srcip":"203.0.113.5"},"misp_id":1}`, `{"a":[1,{}]}`))
	f.Add(append(chunk(f, `{"data":{"srcip":"203.0.113.5"}}`), 0xc1))
	o, _ := ParseOptions(stanza())
	set, err := o.CompileRules()
	if err != nil {
		f.Fatal(err)
	}
	e, err := New(o, set, all{&misp.Hit{Attributes: []misp.Attribute{{ID: 1, Type: "domain"}}, Total: 1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(e.Close)
	f.Fuzz(func(t *testing.T, c []byte) {
		out, modified := e.Enrich(context.Background(), c, func(n int) []byte { return make([]byte, n) })
		if !modified {
			return
		}
		if got, want := e.rest(out), e.rest(c); !bytes.Equal(got, want) {
			t.Errorf("got  %x\nwant %x", got, want)
		}
	})
}

// rest returns a chunk without the fields that the engine writes and without
// the headers of the records, which count them.
func (e *Engine) rest(c []byte) (rest []byte) {
	s := event.NewScanner(e.paths)
	from := 0
	for s.Reset(c); s.Next(); {
		ev := s.Event()
		rest = append(rest, c[from:ev.Record]...)
		from = ev.Body
		ev.Spans(c, func(key []byte, field event.Span) {
			if e.Writes(key) {
				rest = append(rest, c[from:field.Start]...)
				from = field.End
			}
		})
	}
	return append(rest, c[from:]...)
}
