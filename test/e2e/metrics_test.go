//go:build e2e

package e2e

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMetrics asks a Fluent Bit at work, and again after each hot reload, which
// opens the same socket anew.
func TestMetrics(t *testing.T) {
	_, url := serve(t, database())
	site := newSite(t, url)
	socket := filepath.Join(site.Dir, "state", "metrics")
	site.Options = []string{"metrics_listen unix:" + socket}
	run := start(t, site)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	get := func(path string) string {
		t.Helper()
		var err error
		for range 50 {
			var resp *http.Response
			if resp, err = client.Get("http://localhost" + path); err == nil {
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				return string(body)
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatal(err)
		return ""
	}
	w := newWriter(t, site)
	lines := 0
	for reload := range 3 {
		if reload > 0 {
			run.reload()
		}
		w.write(100)
		w.flush()
		lines += 100
		run.await(lines, 30*time.Second)
		body := get("/metrics")
		total := 0
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "fluentbit_misp_alerts_total{") {
				n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
				if err != nil {
					t.Error(err)
				}
				total += n
			}
		}
		if total != 100 {
			t.Errorf("after %d reloads: %d alerts are counted, want 100:\n%s", reload, total, body)
		}
		if strings.Contains(body, key) {
			t.Error("the key shows")
		}
		if got := get("/healthz"); got != `{"status":"ready","reasons":[]}`+"\n" {
			t.Errorf("after %d reloads: %s", reload, got)
		}
	}
}
