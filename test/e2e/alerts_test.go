//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
	"fluent-bit-misp/test/gen"
)

// listed is what MISP knows in this test.
var listed = map[string][]string{
	"ip":     {"203.0.113.9", "198.51.100.40", "203.0.113.77"},
	"domain": {"drop.evil-lab.example", "c2.evil-lab.example"},
	"url":    {"http://files.evil-lab.example/stage/two.bin"},
	"md5":    {"0f343b0931126a20f133d67c2b018a3b"},
	"sha1":   {"5c1a0d8a8d3c1a4f7b6d0a9b2c3d4e5f60718293"},
	"sha256": {"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918"},
}

func database() *misptest.Database {
	types := map[string]string{"ip": "ip-dst", "domain": "hostname"}
	event := misptest.Event{
		Info: "End-to-end", Date: "2026-03-01", ThreatLevel: 1, Published: true,
		Tags: misptest.Tags("tlp:green", "type:osint"),
	}
	for kind, values := range listed {
		for _, v := range values {
			typ := types[kind]
			if typ == "" {
				typ = kind
			}
			event.Attributes = append(event.Attributes, misptest.Attribute{
				Type: typ, Category: "Network activity", Value: v, Comment: "listed", ToIDs: true,
			})
		}
	}
	db := &misptest.Database{}
	db.Add(event)
	return db
}

// A day at the manager: 20,000 alerts, written in bursts that end within a
// line, over two midnights, a hot reload and a restart. Every alert comes out
// once, as it would without the filter but for the fields of its hit.
//
// Exactly once is what Fluent Bit gives under these conditions, all met here:
// it stops and reloads in an orderly way, which flushes or stores what it has
// read and notes in the tail database how far it got; the output accepts what
// it is given; and it has read the file of the old day before it stops, since
// it finds no file that has lost its name. Before version 5 it also forgets the
// part of a line that it has read when it stops, so there it must have caught
// up at the end of a line.
func TestAlertsOfADay(t *testing.T) {
	t.Parallel()
	_, major := binary(t)
	misp, url := serve(t, database())
	site := newSite(t, url)
	// On a busy machine an answer may take longer than alerts wait for it.
	site.Options = []string{"max_wait 20s"}

	w := newWriter(t, site)
	run := start(t, site)
	settle := func() {
		if major < 5 {
			w.flush()
			run.await(len(w.alerts), 20*time.Second)
		}
	}

	w.write(6000)
	w.do(w.file.NextDay())
	w.write(2000)
	w.flush()
	run.await(len(w.alerts), 20*time.Second) // so the old day is read
	w.do(w.file.Compress())
	w.write(2000)
	settle()
	run.reload()
	w.write(4000)
	settle()
	run.stop()
	w.write(1000)
	run = start(t, site)
	w.write(2000)
	w.do(w.file.NextDay())
	w.write(3000)
	w.flush()
	if len(w.alerts) != 20000 {
		t.Fatalf("%d alerts were written", len(w.alerts))
	}

	enriched := byID(t, run.await(len(w.alerts), 30*time.Second))
	plain := byID(t, bypass(t, w.alerts))
	hits := 0
	for _, a := range w.alerts {
		added := difference(t, a, plain[a.ID], enriched[a.ID])
		checkHit(t, a, added)
		if added != "" {
			hits++
		}
	}
	if hits < 300 {
		t.Errorf("%d hits, want about 400", hits)
	}
	if c := misp.Counts(); c.Searches == 0 {
		t.Error("MISP was not asked")
	} else {
		t.Logf("%d alerts, %d hits, %d searches", len(w.alerts), hits, c.Searches)
	}
	for line := range strings.Lines(run.Log()) {
		// Fluent Bit's own: it looks for the name of a file that lost it.
		if strings.Contains(line, "[error]") && !strings.Contains(line, "No such file or directory") {
			t.Errorf("the log has an error: %s", line)
		}
	}
}

// An alert may be longer than 64 kB. One that is longer than a megabyte is left
// out, and those behind it are not.
func TestLongAlerts(t *testing.T) {
	t.Parallel()
	_, url := serve(t, database())
	site := newSite(t, url)
	w := newWriter(t, site)
	w.gen.Share = 0
	sizes := []int{0, 100_000, 700_000, 1_500_000, 0}
	for _, size := range sizes {
		a := w.gen.Next()
		open := bytes.TrimSuffix(a.Line, []byte("}"))
		w.do(w.file.Write(fmt.Appendf(nil, `%s,"previous_output":"%s"}`, open, strings.Repeat("x", size))))
	}
	w.flush()
	var lengths []int
	for _, line := range start(t, site).await(len(sizes)-1, 20*time.Second) {
		lengths = append(lengths, len(line)/100_000*100_000)
	}
	if fmt.Sprint(lengths) != "[0 100000 700000 0]" {
		t.Errorf("alerts of %v bytes came out", lengths)
	}
}

// A writer writes alerts.json as Wazuh does, ten times faster.
type writer struct {
	t      *testing.T
	gen    *gen.Generator
	file   *gen.File
	alerts []gen.Alert // all that were written
}

func newWriter(t *testing.T, site fluentbit.Site) *writer {
	file, err := gen.OpenFile(site.AlertsDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	w := &writer{t: t, gen: gen.New(7), file: file}
	w.gen.Listed, w.gen.Share = listed, 0.02
	return w
}

func (w *writer) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// write writes alerts at some 5,000 a second; the last is not whole yet.
func (w *writer) write(n int) {
	for i := range n {
		a := w.gen.Next()
		w.alerts = append(w.alerts, a)
		w.do(w.file.Write(a.Line))
		if i%500 == 499 {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func (w *writer) flush() { w.do(w.file.Flush()) }

// bypass returns what comes out of a Fluent Bit without the filter.
func bypass(t *testing.T, alerts []gen.Alert) [][]byte {
	site := newSite(t, "http://127.0.0.1:9")
	site.Bypass = true
	if err := site.Install(); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, a := range alerts {
		text.Write(a.Line)
		text.WriteByte('\n')
	}
	if err := os.WriteFile(site.AlertsDir()+"/alerts.json", text.Bytes(), 0o640); err != nil {
		t.Fatal(err)
	}
	return start(t, site).await(len(alerts), 30*time.Second)
}

// byID returns the records by Wazuh's id; none may come twice.
func byID(t *testing.T, lines [][]byte) map[string][]byte {
	t.Helper()
	records := make(map[string][]byte, len(lines))
	for _, line := range lines {
		var r struct{ ID string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if records[r.ID] != nil {
			t.Fatalf("the alert %q came out twice", r.ID)
		}
		records[r.ID] = line
	}
	return records
}

// difference returns what the filter has added at the end of a record, without
// the comma before it.
func difference(t *testing.T, a gen.Alert, plain, enriched []byte) string {
	t.Helper()
	if plain == nil || enriched == nil {
		t.Fatalf("the alert %q is lost", a.ID)
	}
	open := bytes.TrimSuffix(plain, []byte("}"))
	added, found := bytes.CutPrefix(enriched, open)
	if !found {
		t.Fatalf("the filter changed the alert %q:\nwithout %s\nwith    %s", a.ID, plain, enriched)
	}
	return strings.TrimPrefix(strings.TrimSuffix(string(added), "}"), ",")
}

// checkHit checks what was added to a record: nothing unless the alert carries
// a listed indicator, and then what MISP knows of it.
func checkHit(t *testing.T, a gen.Alert, added string) {
	t.Helper()
	if a.Value == "" {
		if added != "" {
			t.Errorf("%s %s is not listed, yet got %s", a.Name, a.ID, added)
		}
		return
	}
	var hit struct {
		Verdict   string   `json:"misp_verdict"`
		Indicator string   `json:"misp_indicator"`
		Value     string   `json:"misp_value"`
		Type      string   `json:"misp_type"`
		Field     string   `json:"misp_field"`
		ID        int64    `json:"misp_id"`
		EventID   int64    `json:"misp_event_id"`
		Timestamp int64    `json:"misp_timestamp"`
		Count     int64    `json:"misp_count"`
		ToIDs     bool     `json:"misp_to_ids"`
		Tags      []string `json:"misp_tags"`
		TLP       string   `json:"misp_tlp"`
		Info      string   `json:"misp_event_info"`
		Level     string   `json:"misp_threat_level"`
		URL       string   `json:"misp_event_url"`
	}
	if err := json.Unmarshal([]byte("{"+added+"}"), &hit); err != nil {
		t.Fatalf("%s %s carries %s, yet got {%s}: %v", a.Name, a.ID, a.Value, added, err)
	}
	if hit.Verdict != "hit" || hit.Value != a.Value || hit.Info != "End-to-end" || hit.Level != "high" ||
		hit.ID == 0 || hit.EventID == 0 || hit.Timestamp == 0 || hit.Count == 0 || !hit.ToIDs ||
		hit.TLP != "green" || fmt.Sprint(hit.Tags) != "[tlp:green type:osint]" || !strings.HasPrefix(hit.URL, "http://127.0.0.1") {
		t.Errorf("%s %s carries %s, yet got {%s}", a.Name, a.ID, a.Value, added)
	}
	if found := at(t, a.Line, hit.Field); !strings.Contains(strings.ToLower(found), hit.Indicator) && a.Kind != "url" {
		t.Errorf("%s %s: misp_field %s holds %q, not %s", a.Name, a.ID, hit.Field, found, hit.Indicator)
	}
}

// at returns the JSON of what an alert has at a path.
func at(t *testing.T, line []byte, path string) string {
	var v any
	if err := json.Unmarshal(line, &v); err != nil {
		t.Fatal(err)
	}
	for key := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0] // arrays are walked through; the tests' have one element
		}
		object, _ := v.(map[string]any)
		v = object[key]
	}
	found, _ := json.Marshal(v)
	return string(found)
}
