package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/receiver"
)

// TestDeliveryCounts sends three alerts, and then in vain two more.
func TestDeliveryCounts(t *testing.T) {
	url := misptest.New(misptest.Sample()).Start(t)
	r := receiver.Start(t, receiver.Config{})
	options := map[string]string{"url": url, "api_key": misptest.UserKey, "forward.targets": r.Target()}
	property := func(name string) (string, bool) {
		value, set := options[name]
		return value, set
	}
	engine, err := enrich.Open(property, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	cfg, err := forward.ParseOptions(property)
	if err != nil {
		t.Fatal(err)
	}
	d := &delivery{engine: engine, sender: forward.New(cfg), ctx: context.Background(), guard: guard{log: slog.New(slog.DiscardHandler)}}
	defer d.sender.Close()
	alerts := func(n int) (chunk []byte) {
		for range n {
			if chunk, err = event.AppendJSON(chunk, time.Now(), []byte(`{"data":{"srcip":"198.51.100.23"}}`)); err != nil {
				t.Fatal(err)
			}
		}
		return chunk
	}
	if !d.deliver("wazuh.alerts", alerts(3)) {
		t.Fatal("not delivered")
	}
	r.Stop()
	for range 2 { // the second time the target is left alone
		if d.deliver("wazuh.alerts", alerts(2)) {
			t.Error("delivered to nobody")
		}
	}
	s := d.stats()
	if s.Records != 3 || s.Retries != 2 || s.Targets[0].Chunks != 1 || s.Targets[0].Up {
		t.Errorf("%+v", s)
	}
	if total := s.Targets[0].Bytes; total <= uint64(len(alerts(3))) {
		t.Errorf("%d bytes of 3 alerts that are hits", total)
	}
}
