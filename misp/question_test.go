package misp

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestAnswersAreMappedBack(t *testing.T) {
	const sha = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
	const md5 = "44d88612fea8a8f36de82e1278abb02f"
	tests := []struct {
		name    string
		ask     []string
		rows    []string
		want    []int // attributes for each that is asked
		dropped uint64
	}{
		{"whole values", []string{"ip 203.0.113.7", "domain evil.example.com", "md5 " + md5},
			[]string{"ip-src 203.0.113.7", "ip-dst 203.0.113.7", "md5 " + md5}, []int{2, 0, 1}, 0},
		{"what was not asked for", []string{"ip 203.0.113.7"},
			[]string{"ip-src 203.0.113.8", "domain evil.example.com", "comment 203.0.113.7", "nosuch 203.0.113.7"}, []int{0}, 4},
		{"a value of another kind", []string{"domain evil.example.com"}, []string{"url evil.example.com"}, []int{0}, 1},
		{"case", []string{"url http://evil.example.com/A", "domain evil.example.com"},
			[]string{"url http://EVIL.example.com/a", "domain Evil.Example.com"}, []int{1, 1}, 0},
		{"two that differ in case only", []string{"url http://evil.example.com/A", "url http://evil.example.com/a"},
			[]string{"url http://evil.example.com/a"}, []int{1, 1}, 0},
		{"what the collation adds", []string{"domain evil.example.com"},
			[]string{"domain évil.example.com", "hostname evil.exámple.com", "domain|ip évil.example.com|203.0.113.7"}, []int{0}, 3},
		{"composites", []string{"domain evil.example.com", "ip 203.0.113.7", "sha256 " + sha, "md5 " + md5},
			[]string{"domain|ip evil.example.com|203.0.113.7", "filename|sha256 eicar.com|" + sha, "malware-sample eicar.com|" + md5},
			[]int{1, 1, 1, 1}, 0},
		{"parts in the wrong place", []string{"domain evil.example.com", "md5 " + md5},
			[]string{"domain|ip other.example.com|evil.example.com", "filename|md5 " + md5 + "|d41d8cd98f00b204e9800998ecf8427e"}, []int{0, 0}, 2},
		{"ports", []string{"ip 203.0.113.7", "ip 4.4.4.4"},
			[]string{"ip-dst|port 203.0.113.7|4444", "ip-src|port 203.0.113.8|203.0.113.7", "hostname|port evil.example.com|443"}, []int{1, 0}, 2},
		{"IPv6 in another spelling", []string{"ip 2001:db8::1"}, []string{"ip-dst 2001:0DB8:0:0:0:0:0:1"}, []int{1}, 0},
		{"a composite without its second part", []string{"ip 203.0.113.7"}, []string{"domain|ip 203.0.113.7", "domain|ip |"}, []int{0}, 2},
		{"the same value twice", []string{"ip 203.0.113.7", "ip 203.0.113.7"}, []string{"ip-src 203.0.113.7"}, []int{1, 1}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestClient(t, answer(rows(tt.rows...)))
			for i, a := range lookup(c, indicators(t, tt.ask...)) {
				got, verdict := 0, Clean
				if a.Hit != nil {
					got = a.Hit.Total
				}
				if tt.want[i] > 0 {
					verdict = Known
				}
				if got != tt.want[i] || a.Verdict != verdict || a.Reason != "" {
					t.Errorf("%s: %d attributes, want %d: %+v", tt.ask[i], got, tt.want[i], a)
				}
			}
			if got := c.Stats().Dropped; got != tt.dropped {
				t.Errorf("%d dropped, want %d", got, tt.dropped)
			}
		})
	}
}

// TestUnreadableRow: nobody knows which value it is about, so that no value is
// clean; but the other rows count, and MISP is not left alone.
func TestUnreadableRow(t *testing.T) {
	for _, odd := range []string{`{}`, `{"type":"ip-src"}`, `{"value":"203.0.113.8"}`, `{"type":"ip-src","value":["203.0.113.8"]}`, `{"type":"ip-src","value":null}`, `"x"`, `[]`, `null`} {
		book := &logBook{}
		c := newTestClient(t, answer(`{"response":{"Attribute":[`+odd+`,{"type":"ip-src","value":"203.0.113.7"}]}}`), func(cfg *Config) { cfg.Log = book.logger() })
		ask := indicators(t, "ip 203.0.113.7", "ip 203.0.113.8")
		for range 2 {
			got := lookup(c, ask)
			if got[0].Hit == nil || got[0].Hit.Total != 1 || !got[0].Hit.Partial || got[1] != (Answer{Reason: BadAnswer}) {
				t.Errorf("%s: got %+v", odd, got)
			}
		}
		if s := c.Stats(); s.Dropped != 2 || s.Requests != 2 {
			t.Errorf("%s: stats %+v", odd, s)
		}
		want := "level=WARN msg=\"MISP at " + c.cfg.URL + ": 1 of the attributes in its answer cannot be read, as type or value is missing: see the logs of MISP and of its web server\"\n"
		if got := book.take(); got != want {
			t.Errorf("%s: logged %s", odd, got)
		}
		if findings, complete, err := c.Search(t.Context(), ask[0]); len(findings) != 1 || complete || err != nil {
			t.Errorf("%s: %d findings, complete %v, %v", odd, len(findings), complete, err)
		}
	}
}

// TestLongValue: what is kept of a value is cut, after it was compared.
func TestLongValue(t *testing.T) {
	const sha = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
	c := newTestClient(t, answer(rows("filename|sha256 "+strings.Repeat("x", 5000)+"|"+sha)))
	if a := lookup(c, indicators(t, "sha256 "+sha))[0]; a.Hit == nil || len(a.Hit.Attributes[0].Value) != maxText {
		t.Errorf("got %+v", a)
	}
}

func TestWhatTheFiltersForbidIsDropped(t *testing.T) {
	body := `{"response":{"Attribute":[
		{"id":1,"type":"ip-src","value":"203.0.113.7","to_ids":false,"Event":{"published":true}},
		{"id":2,"type":"ip-src","value":"203.0.113.7","to_ids":true,"Event":{"published":false}},
		{"id":3,"type":"ip-src","value":"203.0.113.7","to_ids":true,"Event":{"published":true}},
		{"id":4,"type":"ip-src","value":"203.0.113.7","to_ids":true,"Event":{}}]}}`
	c := newTestClient(t, answer(body))
	a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]
	if a.Hit == nil || a.Hit.Total != 2 || a.Hit.Attributes[0].ID != 4 || a.Hit.Attributes[1].ID != 3 {
		t.Errorf("got %+v", a.Hit)
	}
}

func TestRowOnTwoPagesCountsOnce(t *testing.T) {
	c := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		var body restSearch
		json.NewDecoder(r.Body).Decode(&body)
		if body.Page == 1 {
			answer(rows("ip-src 203.0.113.7", "ip-dst 203.0.113.7"))(w, r)
		} else {
			answer(rows("ip-src 203.0.113.7"))(w, r)
		}
	})
	c.pageRows = 2
	if a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; a.Hit == nil || a.Hit.Total != 2 {
		t.Errorf("got %+v", a.Hit)
	}
}

func TestHitHasItsAttributes(t *testing.T) {
	body := `{"response":{"Attribute":[
		{"id":"1","event_id":"8","type":"ip-src","value":"203.0.113.7","to_ids":true,"timestamp":"5","Event":{"threat_level_id":"3","published":true}},
		{"id":"2","event_id":"9","type":"ip-dst|port","value":"203.0.113.7|4444","to_ids":true,"timestamp":"4","Event":{"threat_level_id":"1","published":true}}]}}`
	c := newTestClient(t, answer(body))
	event := func(id string) string { return c.cfg.URL + "/events/view/" + id }
	got := lookup(c, indicators(t, "ip 203.0.113.7"))[0]
	want := &Hit{Total: 2, Attributes: []Attribute{
		{ID: 2, EventID: 9, Type: "ip-dst|port", Value: "203.0.113.7|4444", ToIDs: true, Timestamp: 4, Event: Event{URL: event("9"), ThreatLevel: 1, Published: true}},
		{ID: 1, EventID: 8, Type: "ip-src", Value: "203.0.113.7", ToIDs: true, Timestamp: 5, Event: Event{URL: event("8"), ThreatLevel: 3, Published: true}},
	}}
	if !reflect.DeepEqual(got.Hit, want) {
		t.Errorf("got  %+v\nwant %+v", got.Hit, want)
	}
}
