package misp

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// status answers like MISP and its web server do.
func status(code int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// switches answers that the connection is now for another protocol, and leaves
// it open.
func switches(w http.ResponseWriter, r *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	conn.Read(make([]byte, 1)) // until the client closes it
}

func TestBadAnswers(t *testing.T) {
	const (
		js   = "application/json"
		html = "text/html; charset=UTF-8"
		url  = "check that url is the address of MISP's front page"
		logs = "see the logs of MISP and of its web server"
	)
	tests := []struct {
		name    string
		handler http.HandlerFunc
		reason  Reason
		status  int
		err     string // after "MISP at URL: "
	}{
		{"403", status(403, js, `{"name":"Authentication failed.","message":"Authentication failed. Please make sure you pass the API key","url":"/x"}`),
			Forbidden, 403, `403 Forbidden ("Authentication failed. Please make sure you pass the API key"): ` +
				"check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"},
		{"401", status(401, html, "<html>"), Forbidden, 401, "401 Unauthorized: " +
			"check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"},
		{"403 that repeats the key", status(403, js, `{"message":"no such key `+testKey+`\nlevel=INFO"}`), Forbidden, 403,
			`403 Forbidden ("no such key [hidden]\nlevel=INFO"): ` +
				"check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"},
		{"403 that repeats the key late", status(403, js, `{"message":"`+strings.Repeat("x", 270)+testKey+`"}`), Forbidden, 403,
			`403 Forbidden ("` + strings.Repeat("x", 270) + `[hidden]"): ` +
				"check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"},
		{"403 that repeats most of the key", status(403, "text/plain", "no key "+testKey[:25]), Forbidden, 403,
			`403 Forbidden ("no key [hidden]"): ` +
				"check api_key: it must be right and not expired, of a user whose role has API access, and allowed from this address"},
		{"404", status(404, html, "<!DOCTYPE html><html><head><title>Not found</title>"), BadAnswer, 404, `404 Not Found ("Not found"): ` + url},
		{"405", status(405, js, `{"name":"Invalid JSON input."}`), BadAnswer, 405, `405 Method Not Allowed ("Invalid JSON input."): ` + url},
		{"413", status(413, html, "<html><head><title>413 Request Entity Too Large</title>"), BadAnswer, 413,
			`413 Request Entity Too Large ("413 Request Entity Too Large"): lower batch_size, or raise what MISP's web server takes`},
		{"429", status(429, js, `{"name":"Rate limit exceeded."}`, "X-Rate-Limit-Reset", "321"), RateLimited, 429,
			`429 Too Many Requests ("Rate limit exceeded."): raise the rate limit of the role in MISP`},
		{"500", status(500, js, `{"name":"An Internal Error Has Occurred.","message":"An Internal Error Has Occurred."}`), ServerError, 500,
			`500 Internal Server Error ("An Internal Error Has Occurred."): ` + logs},
		{"502", status(502, html, "<html><head><title>502 Bad Gateway</title></head>"), ServerError, 502, `502 Bad Gateway ("502 Bad Gateway"): ` + logs},
		{"a status of its own", status(599, "text/plain", strings.Repeat("é", 500)), ServerError, 599, `599 ("` + strings.Repeat("é", 148) + `…"): ` + logs},
		{"400", status(400, html, "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"), BadAnswer, 400,
			`400 Bad Request ("400 The plain HTTP request was sent to HTTPS port"): ` + url},
		{"204", status(204, js, ""), BadAnswer, 204, "204 No Content: " + url},
		{"maintenance", status(302, html, "", "Location", "http://misp.example/users/login"), BadAnswer, 302,
			"302, a redirect to http://misp.example/users/login: see whether MISP is in maintenance (MISP.live), or check url"},
		{"to https", status(301, html, "", "Location", "https://127.0.0.1/attributes/restSearch?key="+testKey), BadAnswer, 301,
			"301, a redirect to https://127.0.0.1/attributes/restSearch: write url with https://"},
		{"to elsewhere", status(307, html, "", "Location", "http://elsewhere.example/"), BadAnswer, 307,
			"307, a redirect to http://elsewhere.example/: " + url},
		{"to nowhere", status(302, html, ""), BadAnswer, 302, "302, a redirect to nowhere: " + url},
		{"with the key", status(302, html, "", "Location", "http://e.example/"+strings.Repeat("x", 250)+testKey), BadAnswer, 302,
			"302, a redirect to http://e.example/" + strings.Repeat("x", 250) + "[hidden]: " + url},
		{"another protocol", switches, BadAnswer, 101, "101 Switching Protocols: " + url},
		{"a page", status(200, html, "<html><title>Sign in</title>"), BadAnswer, 200, `its answer is a page for people, not JSON ("Sign in"): ` + url},
		{"a page that says it is JSON", status(200, js, "<html>"), BadAnswer, 200,
			"its answer is not that of a search: invalid character '<' looking for beginning of value: " + url},
		{"other JSON", status(200, js, `{"message":"hello"}`), BadAnswer, 200, `its answer is not that of a search: there is no "response" in it: ` + url},
		{"cut off", status(200, js, `{"response": {"Attribute": [{"id":"1","type":"ip-src","value":"203.0.113.7","to_ids":true},`), BadAnswer, 200,
			"its answer is cut off: " + logs},
		{"cut off by the connection", status(200, js, `{"response": {"Attribute": [{"id":"1"`, "Content-Length", "4000"), BadAnswer, 200,
			"its answer is cut off: " + logs},
		{"empty", status(200, js, ""), BadAnswer, 200, "its answer is cut off: " + logs},
		{"more rows than asked for", answer(rows("ip-src 203.0.113.7", "ip-src 203.0.113.7", "ip-src 203.0.113.7", "ip-src 203.0.113.7")), BadAnswer, 200,
			"its answer is not that of a search: it has more than the 3 attributes of a page: " + url},
		{"its whole database", answer(rows("ip-src 192.0.2.1", "ip-src 192.0.2.2", "ip-src 192.0.2.3")), BadAnswer, 0,
			"none of 3 attributes is one that was asked for: something between here and MISP changes the requests, or MISP does not understand them: " + url},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			book := &logBook{}
			c := newTestClient(t, tt.handler, func(cfg *Config) { cfg.Log = book.logger() })
			c.pageRows = 3
			ask := indicators(t, "ip 203.0.113.7", "domain evil.example.com")
			for range 2 {
				for _, a := range lookup(c, ask) {
					if a != (Answer{Reason: tt.reason}) {
						t.Errorf("got %+v, want unknown, %s", a, tt.reason)
					}
				}
			}
			tries, more := uint64(1), uint64(1) // one shows that it is not the values
			if tt.status >= 500 || strings.HasPrefix(tt.err, "its answer is cut off") {
				tries = maxTries // the next request may find MISP in order
			}
			s := c.Stats()
			switch tt.status {
			case 0, 301, 302, 307, 404, 405, 429:
				more = 0
			}
			if strings.Contains(tt.err, "Authentication failed") {
				more = 0
			}
			if s.Requests != tries+more || s.Held != 2 || s.Errors[tt.reason] != tries {
				t.Errorf("stats %+v: want %d requests, %d errors, and the values of the second look-up held", s, tries+more, tries)
			}
			_, _, err := c.Search(t.Context(), ask[0])
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if want := "MISP at " + c.cfg.URL + ": " + tt.err; e.Error() != want {
				t.Errorf("got  %s\nwant %s", e, want)
			}
			if e.Reason != tt.reason || e.Status != tt.status {
				t.Errorf("got %s, status %d", e.Reason, e.Status)
			}
			if tt.status == 429 && e.RetryAfter != 321*time.Second {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			logged := book.take()
			if strings.Count(logged, "\n") != 1 || !strings.Contains(logged, "MISP at ") {
				t.Errorf("logged:\n%s", logged)
			}
			if strings.Contains(logged+err.Error(), testKey) {
				t.Errorf("the key is shown: %s%v", logged, err)
			}
		})
	}
}

// A redirect to the same host over the other protocol says how to write url; one to
// whatever other scheme does not, or the advice would be MISP's words.
func TestRedirectAdvice(t *testing.T) {
	c, err := NewClient(Config{URL: "https://misp.example", APIKey: NewSecret(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tt := range []struct{ from, to, advice string }{
		{"http://misp.example/a", "https://misp.example/a", "write url with https://"},
		{"https://misp.example/a", "http://misp.example/a", "write url with http://"},
		{"https://misp.example/a", "x-1://misp.example/a", adviseURL},
		{"https://misp.example/a", "https://misp.example/b", adviseURL},
	} {
		from, err := http.NewRequest(http.MethodPost, tt.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, advice := c.redirect(&http.Response{StatusCode: 301, Header: http.Header{"Location": {tt.to}}, Request: from})
		if advice != tt.advice {
			t.Errorf("%s to %s: %s, want %s", tt.from, tt.to, advice, tt.advice)
		}
	}
}

// A password of a letter or two is not cut out of words.
func TestShortPassword(t *testing.T) {
	for password, want := range map[string]string{"p": "proxyconnect tcp", "proxy": "[hidden]connect tcp"} {
		c := &Client{cfg: Config{Proxy: NewSecret("socks5://u:" + password + "@127.0.0.1:1")}}
		if got := c.redact("proxyconnect tcp"); got != want {
			t.Errorf("password %q: %q, want %q", password, got, want)
		}
	}
}
