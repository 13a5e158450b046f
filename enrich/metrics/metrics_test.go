package metrics

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/misp/misptest"
)

// A logBook keeps the lines that were logged, without their times.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// open opens an engine that asks a MISP.
func open(t *testing.T, url string, pairs ...string) *enrich.Engine {
	t.Helper()
	pairs = append(pairs, "url", url, "api_key", misptest.UserKey)
	e, err := enrich.Open(func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// enrichAlerts has an engine enrich alerts with these source addresses.
func enrichAlerts(t *testing.T, e *enrich.Engine, sources ...string) {
	t.Helper()
	var chunk []byte
	for _, source := range sources {
		var err error
		if chunk, err = event.AppendJSON(chunk, time.Now(), fmt.Appendf(nil, `{"data":{"srcip":%q}}`, source)); err != nil {
			t.Fatal(err)
		}
	}
	e.Enrich(context.Background(), chunk, func(n int) []byte { return make([]byte, n) })
}

func none() uint64 { return 0 }

// freeAddress returns an address that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve serves a filter section until the test ends, or stop is called.
func serve(t *testing.T, address, name string, e *enrich.Engine) (stop func()) {
	t.Helper()
	stop = Serve(address, Section{Name: name, Engine: e, Panics: none}, slog.New(slog.DiscardHandler))
	t.Cleanup(stop)
	return stop
}

// get asks for a path, and returns status and body.
func get(t *testing.T, address, path string) (int, string) {
	t.Helper()
	network := "tcp"
	if socket, unix := strings.CutPrefix(address, "unix:"); unix {
		network, address = "unix", socket
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	resp, err := client.Get("http://localhost" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// contains checks that a text has each of the lines.
func contains(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestMetrics(t *testing.T) {
	server := misptest.New(misptest.Sample())
	url := server.Start(t)
	dir := filepath.Join(t.TempDir(), "storage")
	filter := open(t, url, "storage_path", dir)
	output := open(t, url, "storage_path", dir)
	address := freeAddress(t)
	serve(t, address, "filter:misp.0", filter)
	t.Cleanup(Serve(address, Section{Name: "output:misp.0", Engine: output, Panics: func() uint64 { return 3 }, Output: func() Output {
		return Output{Records: 7, Retries: 2, Targets: []forward.TargetStats{{Name: "collector:24224", Up: true, Chunks: 5, Bytes: 1000, Acks: 4, Failed: 1}}}
	}}, slog.New(slog.DiscardHandler)))
	enrichAlerts(t, filter, "198.51.100.23", "198.51.100.24", "10.1.2.3")
	enrichAlerts(t, output, "198.51.100.23")
	server.Fault(misptest.Status(http.StatusForbidden))
	enrichAlerts(t, filter, "198.51.100.25")

	status, body := get(t, address, "/metrics")
	if status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	contains(t, body,
		`# TYPE fluentbit_misp_alerts_total counter`,
		`fluentbit_misp_alerts_total{section="filter:misp.0",verdict="hit"} 1`,
		`fluentbit_misp_alerts_total{section="filter:misp.0",verdict="clean"} 1`,
		`fluentbit_misp_alerts_total{section="filter:misp.0",verdict="unknown"} 1`,
		`fluentbit_misp_alerts_total{section="filter:misp.0",verdict="none"} 1`,
		`fluentbit_misp_alerts_total{section="output:misp.0",verdict="hit"} 1`,
		`fluentbit_misp_indicators_total{kind="ip",section="filter:misp.0"} 3`,
		`fluentbit_misp_rule_verdicts_total{rule="addresses",section="filter:misp.0",verdict="hit"} 1`,
		`fluentbit_misp_rejected_values_total{reason="not a public address",section="filter:misp.0"} 1`,
		`fluentbit_misp_wait_seconds_count{section="filter:misp.0"} 2`,
		`fluentbit_misp_cache_lookups_total{class="hit",section="filter:misp.0"} 1`,
		`fluentbit_misp_cache_lookups_total{class="miss",section="filter:misp.0"} 3`,
		`fluentbit_misp_cache_entries{section="filter:misp.0"} 3`,
		`fluentbit_misp_requests_total{outcome="ok",section="filter:misp.0",url="`+url+`"} 1`,
		`fluentbit_misp_requests_total{outcome="forbidden",section="filter:misp.0",url="`+url+`"} 1`,
		`fluentbit_misp_request_values_bucket{section="filter:misp.0",url="`+url+`",le="1"} 1`,
		`fluentbit_misp_request_values_bucket{section="filter:misp.0",url="`+url+`",le="+Inf"} 2`,
		`fluentbit_misp_request_values_sum{section="filter:misp.0",url="`+url+`"} 3`,
		`fluentbit_misp_errors_total{kind="forbidden",section="filter:misp.0"} 1`,
		`fluentbit_misp_held_off{section="filter:misp.0",url="`+url+`"} 1`,
		`fluentbit_misp_queue_alerts{section="filter:misp.0"} 1`,
		`fluentbit_misp_queue_limit_bytes{section="filter:misp.0"} 6.7108864e+07`,
		`fluentbit_misp_queue_in_memory{section="filter:misp.0"} 0`,
		`fluentbit_misp_panics_total{section="filter:misp.0"} 0`,
		`fluentbit_misp_panics_total{section="output:misp.0"} 3`,
		`fluentbit_misp_output_records_total{section="output:misp.0"} 7`,
		`fluentbit_misp_output_retries_total{section="output:misp.0"} 2`,
		`fluentbit_misp_output_chunks_total{section="output:misp.0",target="collector:24224"} 5`,
		`fluentbit_misp_output_target_up{section="output:misp.0",target="collector:24224"} 1`,
	)
	// What both sections share is counted once.
	if strings.Contains(body, `fluentbit_misp_cache_entries{section="output:misp.0"}`) {
		t.Error("the cache that both share is there twice")
	}
	for _, m := range All() {
		if !strings.Contains(body, "# HELP "+m.Name+" ") {
			t.Errorf("%s is not emitted", m.Name)
		}
	}
	for line := range strings.Lines(body) {
		if name, ok := strings.CutPrefix(line, "# HELP "); ok && !strings.HasPrefix(name, prefix) {
			t.Errorf("not ours: %s", line)
		}
	}
	if strings.Contains(body, misptest.UserKey) {
		t.Error("the key shows")
	}
}

func TestOnlyWhatIsServed(t *testing.T) {
	e := open(t, "http://127.0.0.1:9")
	address := freeAddress(t)
	serve(t, address, "filter:misp.0", e)
	for path, want := range map[string]int{"/": 404, "/debug/pprof/": 404, "/metrics/x": 404, "/metrics": 200, "/healthz": 200} {
		if got, _ := get(t, address, path); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
	resp, err := http.Post("http://"+address+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	req, _ := http.NewRequest("GET", "http://"+address+"/metrics", nil)
	req.Header.Set("X-Large", strings.Repeat("x", 1<<20))
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 1 MB: %d", resp.StatusCode)
		}
	}
}

func TestHealth(t *testing.T) {
	server := misptest.New(misptest.Sample())
	url := server.Start(t)
	e := open(t, url)
	address := freeAddress(t)
	up := true
	t.Cleanup(Serve(address, Section{Name: "output:misp.0", Engine: e, Panics: none, Output: func() Output {
		return Output{Targets: []forward.TargetStats{{Name: "collector:24224", Up: up}}}
	}}, slog.New(slog.DiscardHandler)))
	want := func(path string, status int, parts ...string) {
		t.Helper()
		got, body := get(t, address, path)
		if got != status {
			t.Errorf("%s: status %d, want %d", path, got, status)
		}
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s: no %s in %s", path, part, body)
			}
		}
	}
	want("/healthz", 200, `{"status":"ready","reasons":[]}`)
	want("/healthz?strict", 200, `{"status":"ready","reasons":[]}`)
	server.Fault(misptest.Status(http.StatusForbidden))
	enrichAlerts(t, e, "198.51.100.25")
	up = false
	degraded := []string{
		`{"status":"degraded","reasons":[{"section":"output:misp.0","code":"misp_away","text":"MISP at ` + url + `: 403 Forbidden`, `; since 20`,
		`{"section":"output:misp.0","code":"target_away","text":"collector:24224 does not take chunks: the log says why"}]}`,
	}
	want("/healthz", 200, degraded...)
	want("/healthz?strict", 503, degraded...)
}
