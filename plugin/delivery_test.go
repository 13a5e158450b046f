package main

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/receiver"
)

// deliveryTo returns a delivery with these options, and the MISP that it asks.
func deliveryTo(t *testing.T, options map[string]string) (*delivery, *misptest.Server) {
	server := misptest.New(misptest.Sample())
	options["url"], options["api_key"] = server.Start(t), misptest.UserKey
	property := func(name string) (string, bool) {
		value, set := options[name]
		return value, set
	}
	engine, err := enrich.Open(property, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	cfg, err := forward.ParseOptions(property)
	if err != nil {
		t.Fatal(err)
	}
	d := &delivery{engine: engine, sender: forward.New(cfg), ctx: t.Context(), guard: guard{log: slog.New(slog.DiscardHandler)}}
	t.Cleanup(d.sender.Close)
	return d, server
}

// alerts returns a chunk of n alerts that are hits.
func alerts(t *testing.T, n int) (chunk []byte) {
	var err error
	for range n {
		if chunk, err = event.AppendJSON(chunk, time.Now(), []byte(`{"data":{"srcip":"198.51.100.23"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	return chunk
}

// TestDeliveryCounts sends three alerts, and then in vain two more.
func TestDeliveryCounts(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	d, _ := deliveryTo(t, map[string]string{"forward.targets": r.Target()})
	if !d.deliver("wazuh.alerts", alerts(t, 3)) {
		t.Fatal("not delivered")
	}
	r.Stop()
	for range 2 { // the second time the target is left alone
		if d.deliver("wazuh.alerts", alerts(t, 2)) {
			t.Error("delivered to nobody")
		}
	}
	s := d.stats()
	if s.Records != 3 || s.Retries != 2 || s.Targets[0].Chunks != 1 || s.Targets[0].Up {
		t.Errorf("%+v", s)
	}
	if total := s.Targets[0].Bytes; total <= uint64(len(alerts(t, 3))) {
		t.Errorf("%d bytes of 3 alerts that are hits", total)
	}
	if s := d.engine.Stats(); s.Events != 3 || s.Hits != 3 {
		t.Errorf("an alert that comes again is counted again: %+v", s)
	}
}

// An alert that waits for MISP in Fluent Bit's buffer does not wait in the queue too.
func TestRetryUnknown(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	d, server := deliveryTo(t, map[string]string{"forward.targets": r.Target(), "cache_error_ttl": "1ms"})
	d.retryUnknown = true
	server.Fault(misptest.Status(http.StatusInternalServerError))
	for range 3 {
		if d.deliver("wazuh.alerts", alerts(t, 2)) {
			t.Fatal("delivered")
		}
	}
	if s := d.engine.Stats(); s.Events > 0 || s.Pending.Waiting > 0 {
		t.Errorf("%+v", s)
	}
	server.Fault(nil)
	for end := time.Now().Add(20 * time.Second); !d.deliver("wazuh.alerts", alerts(t, 2)); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not delivered")
		}
	}
	if s := d.engine.Stats(); s.Events != 2 || s.Hits != 2 || s.Pending.Waiting > 0 || d.stats().Records != 2 {
		t.Errorf("%+v, %+v", s, d.stats())
	}
}
