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

func TestHitIsLaidOutFlat(t *testing.T) {
	e, _ := start(t, database())
	got, modified := enrich(e, chunk(t, `{"id":"1","data":{"srcip":"203.0.113.5"}}`, `{"id":"2","data":{"srcip":"203.0.113.6"}}`))
	want := []string{
		`{"id":"1","data":{"srcip":"203.0.113.5"},"misp_verdict":"hit","misp_value":"203.0.113.5","misp_type":"ip-src",` +
			`"misp_category":"Network activity","misp_uuid":"UUID","misp_id":6,"misp_event_id":2,"misp_to_ids":true,` +
			`"misp_timestamp":1700000011,"misp_field":"data.srcip","misp_indicator":"203.0.113.5","misp_event_info":"Scanners",` +
			`"misp_event_uuid":"UUID","misp_event_org":"CERT","misp_event_date":"2026-02-04","misp_threat_level":"low",` +
			`"misp_event_url":"URL/events/view/2","misp_count":1}`,
		`{"id":"2","data":{"srcip":"203.0.113.6"}}`,
	}
	if !modified || len(got) != 2 || mask(got[0]) != want[0] || got[1] != want[1] {
		t.Errorf("got\n%s\nwant\n%s", mask(strings.Join(got, "\n")), strings.Join(want, "\n"))
	}
}

// mask takes out what differs from run to run.
func mask(s string) string {
	for _, key := range []string{`"misp_uuid":"`, `"misp_event_uuid":"`, `"uuid":"`, `"event_uuid":"`} {
		parts := strings.Split(s, key)
		for i := 1; i < len(parts); i++ {
			parts[i] = "UUID" + parts[i][strings.Index(parts[i], `"`):]
		}
		s = strings.Join(parts, key)
	}
	for {
		from := strings.Index(s, "http://127.0.0.1:")
		if from < 0 {
			return s
		}
		s = s[:from] + "URL" + s[from+strings.Index(s[from:], "/events"):]
	}
}

func TestWeightiestHitComesFirst(t *testing.T) {
	e, _ := start(t, database())
	got, _ := enrich(e, chunk(t, `{"data":{"srcip":"203.0.113.5","dstip":"203.0.113.66"}}`))
	for _, want := range []string{
		`"misp_value":"203.0.113.66"`, `"misp_field":"data.dstip"`, `"misp_threat_level":"high"`,
		`"misp_tags":["tlp:green","tlp:amber"],"misp_tlp":"amber"`, `"misp_comment":"c2"`, `"misp_count":3,"misp_hits":[{"value":"203.0.113.66","type":"ip-dst"`,
	} {
		if !strings.Contains(got[0], want) {
			t.Errorf("no %s in %s", want, got[0])
		}
	}
	if n := strings.Count(got[0][strings.Index(got[0], "misp_hits"):], `"value":`); n != 3 {
		t.Errorf("%d hits are listed, want 3", n)
	}
}

func TestVerdictOption(t *testing.T) {
	const clean, none, hit = `{"data":{"srcip":"203.0.113.6"}}`, `{"data":{"srcip":"10.0.0.1"}}`, `{"data":{"srcip":"203.0.113.5"}}`
	tests := []struct {
		verdict string
		fault   bool
		want    [3]string // the verdict of each record, "" for untouched
	}{
		{"none", false, [3]string{"", "", "hit"}},
		{"unknown", false, [3]string{"", "", "hit"}},
		{"all", false, [3]string{"clean", "", "hit"}},
		{"none", true, [3]string{"", "", ""}},
		{"unknown", true, [3]string{"unknown", "", "unknown"}},
		{"all", true, [3]string{"unknown", "", "unknown"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s, fault %v", tt.verdict, tt.fault), func(t *testing.T) {
			e, server := start(t, database(), "verdict", tt.verdict)
			if tt.fault {
				server.Fault(misptest.Status(500))
			}
			records, _ := enrich(e, chunk(t, clean, none, hit))
			for i, record := range records {
				got := ""
				for _, v := range []string{"hit", "clean", "unknown"} {
					if strings.Contains(record, `"misp_verdict":"`+v+`"`) {
						got = v
					}
				}
				if got != tt.want[i] {
					t.Errorf("record %d: verdict %q, want %q: %s", i, got, tt.want[i], record)
				}
				if says := strings.Contains(record, `"misp_error":"server_error"`); says != (got == "unknown") {
					t.Errorf("record %d: misp_error is there: %v: %s", i, says, record)
				}
			}
		})
	}
}

// A record can have been enriched before: an index takes no field twice.
func TestFieldsAreReplaced(t *testing.T) {
	e, _ := start(t, database())
	once, _ := enrich(e, chunk(t, `{"a":1,"data":{"srcip":"203.0.113.5"},"z":2}`))
	twice, modified := enrich(e, chunk(t, once...))
	if !modified || twice[0] != once[0] {
		t.Errorf("once  %s\ntwice %s", once[0], twice[0])
	}
}

func TestPrefixAndFields(t *testing.T) {
	e, _ := start(t, database(), "prefix", "ti.", "fields", "verdict,value,hits,event_id")
	got, _ := enrich(e, chunk(t, `{"data":{"srcip":"203.0.113.66"}}`))
	want := `{"data":{"srcip":"203.0.113.66"},"ti.verdict":"hit","ti.value":"203.0.113.66","ti.event_id":1,` +
		`"ti.hits":[{"value":"203.0.113.66","event_id":1},{"value":"203.0.113.66","event_id":2}]}`
	if got[0] != want {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
}

func TestECS(t *testing.T) {
	e, _ := start(t, database(), "format", "ecs")
	got, _ := enrich(e, chunk(t, `{"threat":{"framework":"x"},"data":{"win":{"system":{"providerName":"Microsoft-Windows-Sysmon","eventID":"22"},"eventdata":{"queryName":"evil.example.com"}}}}`))
	want := `{"threat":{"framework":"x"},"data":{"win":{"system":{"providerName":"Microsoft-Windows-Sysmon","eventID":"22"},"eventdata":{"queryName":"evil.example.com"}}},` +
		`"misp_verdict":"hit","threat.enrichments":[{"indicator":{"name":"evil.example.com","provider":"DEMO","reference":"URL/events/view/1",` +
		`"modified_at":"2023-11-14T22:13:21Z","marking":{"tlp":"AMBER"},"type":"domain-name","url":{"domain":"evil.example.com"}},` +
		`"matched":{"atomic":"evil.example.com","field":"data.win.eventdata.queryName","id":"UUID","type":"indicator_match_rule"},` +
		`"feed":{"name":"MISP","description":"Loader","reference":"URL/events/view/1"}}]}`
	masked := mask(strings.Replace(mask(got[0]), `"id":"`, `"uuid":"`, 1))
	if strings.Replace(masked, `"uuid":"`, `"id":"`, 1) != want {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
}

// A field that another tool has written stays as it is.
func TestECSKeepsForeignEnrichments(t *testing.T) {
	e, server := start(t, database(), "format", "ecs")
	const foreign = `"threat.enrichments":[{"by":"another tool"}]`
	got, _ := enrich(e, chunk(t, `{`+foreign+`,"data":{"srcip":"203.0.113.5"}}`))
	if !strings.HasPrefix(got[0], `{`+foreign+`,"data"`) || !strings.Contains(got[0], `"misp_enrichments":[{"indicator":{"name":"203.0.113.5"`) {
		t.Errorf("hit: %s", got[0])
	}
	server.Fault(misptest.Status(500))
	got, _ = enrich(e, chunk(t, `{`+foreign+`,"data":{"srcip":"203.0.113.200"}}`))
	if want := `{` + foreign + `,"data":{"srcip":"203.0.113.200"},"misp_verdict":"unknown","misp_error":"server_error"}`; got[0] != want {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
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
