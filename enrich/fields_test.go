package enrich

import (
	"fmt"
	"strings"
	"testing"

	"fluent-bit-misp/misp/misptest"
)

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
