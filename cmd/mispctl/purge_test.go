package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/misptest"
)

// running returns an engine such as a plugin has, and its storage_path.
func running(t *testing.T, server *misptest.Server) (engine *enrich.Engine, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "storage")
	options := map[string]string{"url": server.Start(t), "api_key": misptest.UserKey, "storage_path": dir, "max_wait": "10s"}
	engine, err := enrich.Open(func(name string) (string, bool) {
		value, set := options[name]
		return value, set
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	return engine, dir
}

// What the cache of a plugin that runs holds is shown beside what MISP says.
func TestExplainShowsTheCache(t *testing.T) {
	server := misptest.New(misptest.Sample())
	engine, dir := running(t, server)
	look := func(alert string) {
		t.Helper()
		chunk, err := event.AppendJSON(nil, time.Now(), []byte(alert))
		if err != nil {
			t.Fatal(err)
		}
		engine.Enrich(context.Background(), chunk, func(n int) []byte { return make([]byte, n) })
	}
	look(`{"data":{"srcip":"203.0.113.66","dstip":"203.0.113.99"}}`)
	server.Fault(misptest.Status(403))
	look(`{"data":{"srcip":"203.0.113.98"}}`)
	server.Reset()

	file := filepath.Join(t.TempDir(), "alert.json")
	if err := os.WriteFile(file, []byte(`{"data":{"srcip":"203.0.113.66","dstip":"203.0.113.99","src_ip":"203.0.113.98","dst_ip":"203.0.113.97"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	explain := func(args ...string) (code int, out string) {
		var b bytes.Buffer
		code = run(append([]string{"explain", file}, args...), streams{http.NoBody, &b, &b})
		return code, regexp.MustCompile(`for (\d+m)?\d+s more|seconds_left":\d+`).ReplaceAllString(b.String(), "TIME")
	}
	code, out := explain("--storage-path", dir)
	for _, want := range []string{
		"looked up ip 203.0.113.66\n    cache     hit in event #2, TIME (queue-1)\n",
		"looked up ip 203.0.113.99\n    cache     clean, TIME (queue-1)\n",
		"looked up ip 203.0.113.98\n    cache     unknown: forbidden, TIME (queue-1)\n",
		"looked up ip 203.0.113.97\n    cache     does not hold it (queue-1)\n",
	} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no\n%sin\n%s", code, want, out)
		}
	}
	if _, out := explain("--json", "--storage-path", dir); !strings.Contains(out, `"cache":[{"queue":"queue-1","verdict":"hit","event_id":2,"TIME}]`) {
		t.Errorf("got %s", out)
	}
	if n := server.Counts().Requests; n != 0 {
		t.Errorf("%d requests to MISP", n)
	}
	engine.Close()
	if code, out := explain("--storage-path", dir); code != exitTrouble || out != "mispctl: no plugin runs with storage_path "+dir+"\n" {
		t.Errorf("without a plugin: exit code %d, %q", code, out)
	}
}

func TestPurge(t *testing.T) {
	server := misptest.New(misptest.Sample())
	engine, dir := running(t, server)
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
		{[]string{"--storage-path", dir, "192.0[.]2[.]77"}, exitOK, "forgotten: the answers for 1 values, by 1 plugin instances\n", 1},
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
