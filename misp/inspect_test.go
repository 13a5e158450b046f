package misp_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/misptest"
)

func TestInspect(t *testing.T) {
	key := misptest.Key{Key: "k", Role: misptest.User, RateLimit: 100}
	server := misptest.New(misptest.Sample(), misptest.WithKeys(key))
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		server.ServeHTTP(w, r)
	}))
	defer site.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: site.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := misp.NewClient(misp.Config{URL: site.URL, APIKey: misp.NewSecret("k"), TLS: misp.TLS{CAFile: ca}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	in := client.Inspect(t.Context())[0]
	if in.Err != nil {
		t.Fatal(in.Err)
	}
	if in.URL != site.URL || in.Version != "2.5.1" || in.User != "user@misp.example" || in.Role != "User" || in.Admin {
		t.Errorf("version %q, user %q, role %q, admin %v", in.Version, in.User, in.Role, in.Admin)
	}
	if in.RateLimit != 100 || in.RateRemaining != 97 || in.RateReset < 14*time.Minute || in.RateReset > 15*time.Minute {
		t.Errorf("of %d searches %d are left for %v", in.RateLimit, in.RateRemaining, in.RateReset)
	}
	if behind := -in.Ahead; !in.HasTime || behind < 59*time.Minute || behind > 61*time.Minute {
		t.Errorf("the clock is %v behind, want an hour", behind)
	}
	if in.Search <= 0 || len(in.Chain) == 0 || !in.Chain[0].Equal(site.Certificate()) {
		t.Errorf("a search takes %v, %d certificates", in.Search, len(in.Chain))
	}
}

func TestInspectTrouble(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, test := range []struct {
		name    string
		handler http.Handler
		want    string // part of the error
	}{
		{"wrong key", misptest.New(misptest.Sample(), misptest.WithKeys()), "403 Forbidden"},
		{"no MISP", answer(200, "<html>"), "its answer to /servers/getVersion is not that of a MISP"},
		{"login", http.RedirectHandler("/users/login", http.StatusFound), "see whether MISP is in maintenance"},
		{"repeats the key", answer(500, "no secret-key here"), `no [hidden] here`},
		{"endless", answer(200, `{"version":"`+strings.Repeat("x", 2<<20)), "is not that of a MISP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			site := httptest.NewServer(test.handler)
			defer site.Close()
			client, err := misp.NewClient(misp.Config{URL: site.URL, APIKey: misp.NewSecret("secret-key")})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Inspect(t.Context())[0].Err; err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nwant %s", err, test.want)
			}
		})
	}
}
