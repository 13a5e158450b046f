package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/misptest"
)

func TestPurge(t *testing.T) {
	server := misptest.New(misptest.Sample())
	dir := filepath.Join(t.TempDir(), "storage")
	options := map[string]string{"url": server.Start(t), "api_key": misptest.UserKey, "storage_path": dir, "max_wait": "10s"}
	engine, err := enrich.Open(func(name string) (string, bool) {
		value, set := options[name]
		return value, set
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	requests := func() int {
		chunk, err := event.AppendJSON(nil, time.Now(), []byte(`{"data":{"srcip":"192.0.2.77"}}`))
		if err != nil {
			t.Fatal(err)
		}
		server.Reset()
		engine.Enrich(context.Background(), chunk, func(n int) []byte { return make([]byte, n) })
		return server.Counts().Requests
	}
	requests()
	tests := []struct {
		args     []string
		code     int
		says     string
		requests int
	}{
		{[]string{"--storage-path", dir, "192.0.2.78"}, exitOK, "forgotten: the answers for 1 values, by 1 plugin instances\n", 0},
		{[]string{"--storage-path", dir, "192.0.2.77"}, exitOK, "forgotten: the answers for 1 values, by 1 plugin instances\n", 1},
		{[]string{"--storage-path", dir, "--all"}, exitOK, "forgotten: every answer, by 1 plugin instances\n", 1},
		{[]string{"--storage-path", dir}, exitTrouble, "mispctl: want values or --all, and not both\n", 0},
		{[]string{"--storage-path", dir, "--all", "x"}, exitTrouble, "mispctl: want values or --all, and not both\n", 0},
		{[]string{"--storage-path", filepath.Dir(dir), "--all"}, exitTrouble, "mispctl: no plugin runs with storage_path " + filepath.Dir(dir) + "\n", 0},
		{[]string{"--storage-path", dir + "/none", "--all"}, exitTrouble, "mispctl: open " + dir + "/none: no such file or directory\n", 0},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if code := run(append([]string{"purge"}, tt.args...), streams{http.NoBody, &out, &out}); code != tt.code || out.String() != tt.says {
			t.Errorf("%q: exit code %d, %q, want %d, %q", tt.args, code, &out, tt.code, tt.says)
		}
		if n := requests(); n != tt.requests {
			t.Errorf("%q: then %d requests, want %d", tt.args, n, tt.requests)
		}
	}
}
