// Package misptest is a MISP in memory for tests and for the demo: it answers
// as a real MISP 2.5 was seen to, its traps included, and misbehaves on demand.
// It searches, tells about itself and takes sightings; it is no MISP to keep
// data in, and nothing is protected by its keys.
//
// Its one invariant: what it answers to a request, without a [Fault], a real
// one with the same database answers too. The replay test holds it to that.
package misptest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBody is the largest request body, in bytes, that the web server in front
// of MISP lets through.
const maxBody = 50 << 20

// A Server answers as MISP from a database. It may be used concurrently.
type Server struct {
	db   *Database
	keys map[string]Key
	now  func() time.Time

	mu          sync.Mutex
	used        map[string]usage
	maintenance bool
	fault       Fault
	next        []Fault
	log         []Request
	counts      Counts
}

// An Option changes how a Server is made.
type Option func(*Server)

// WithKeys makes these the keys of the server, instead of [AdminKey],
// [UserKey] and [ReadOnlyKey].
func WithKeys(keys ...Key) Option {
	return func(s *Server) {
		clear(s.keys)
		for _, k := range keys {
			if k.Org == "" {
				k.Org = HomeOrg
			}
			s.keys[k.Key] = k
		}
	}
}

// WithClock makes the server take the time from now.
func WithClock(now func() time.Time) Option {
	return func(s *Server) { s.now = now }
}

// New returns a server over a database, which stays the caller's: what is
// added to it later is found from then on.
func New(db *Database, options ...Option) *Server {
	s := &Server{db: db, keys: map[string]Key{}, now: time.Now, used: map[string]usage{}}
	WithKeys(Key{Key: AdminKey}, Key{Key: UserKey, Role: User}, Key{Key: ReadOnlyKey, Role: ReadOnly})(s)
	for _, o := range options {
		o(s)
	}
	return s
}

// SetMaintenance closes the server to all but administrators, or opens it.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maintenance = on
}

// TB is what Start needs of a test.
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(...any)
}

// Start serves on a free port of the loopback until the test ends, and returns
// the URL to configure. Connections that are still open then are cut.
func (s *Server) Start(t TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends with ErrServerClosed
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, refused := readBody(r)
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.Header.Del("Content-Encoding")
	fault := s.begin(r, body)
	switch {
	case refused != 0:
		gatewayPage(w, refused)
	case fault != nil:
		fault(w, r, http.HandlerFunc(s.answer))
	default:
		s.answer(w, r)
	}
}

// readBody returns the body, unzipped, or the status with which the web server
// refuses it.
func readBody(r *http.Request) ([]byte, int) {
	if r.ContentLength > maxBody {
		return nil, http.StatusRequestEntityTooLarge
	}
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		from = z
	}
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest
	case len(body) > maxBody:
		return nil, http.StatusRequestEntityTooLarge
	}
	return body, 0
}

// controllers are the first segments of the paths that MISP has.
var controllers = []string{"admin", "attributes", "events", "feeds", "objects", "organisations", "servers", "sightings", "tags", "taxonomies", "users", "warninglists"}

// answer is MISP without faults.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // from memory
	route, controller, rest := routed(r)
	if controller != "" && !slices.Contains(controllers, controller) {
		fail(w, r, http.StatusNotFound, notFound)
		return
	}
	w.Header().Set("Set-Cookie", fmt.Sprintf("CAKEPHP=%016x%016x; expires=%s; Max-Age=3600; path=/; HttpOnly; SameSite=Lax",
		rand.Uint64(), rand.Uint64(), s.now().UTC().Add(time.Hour).Format(http.TimeFormat)))
	if route == "users/login" {
		write(w, http.StatusOK, htmlType, page("Login", "Login"))
		return
	}
	if route != "attributes/restsearch" && !wantsJSON(r) && r.Header.Get("Authorization") == "" {
		toLogin(w, r)
		return
	}
	key, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	closed := s.maintenance && key.Role != Admin
	s.mu.Unlock()
	if closed {
		toLogin(w, r)
		return
	}
	mayWrite := key.Role != ReadOnly && !key.ReadOnly
	me := route == "users/view" && (slices.Equal(rest, []string{"me"}) || slices.Equal(rest, []string{"me.json"}))
	switch {
	case route == "attributes/restsearch":
		s.restSearch(w, r, key, rest, body)
	case route == "servers/getversion":
		s.about(w, "version", key)
	case me:
		s.about(w, "me", key)
	case route == "sightings/add" && mayWrite:
		s.addSightings(w, r, key, rest, body)
	case route == "sightings/add", route == "attributes/add" && !mayWrite, controller == "admin" && key.Role != Admin:
		fail(w, r, http.StatusForbidden, notAllowed)
	case route == "attributes/add":
		fail(w, r, http.StatusForbidden, "You do not have permission to do that.")
	default:
		fail(w, r, http.StatusNotFound, notFound)
	}
}

// routed takes a path apart: "controller/action" in lower case, the controller
// alone, and what follows.
func routed(r *http.Request) (route, controller string, rest []string) {
	path := strings.FieldsFunc(r.URL.Path, func(r rune) bool { return r == '/' })
	if len(path) == 0 {
		return "", "", nil
	}
	controller = strings.ToLower(path[0])
	if len(path) == 1 {
		return "", controller, nil
	}
	return controller + "/" + strings.TrimSuffix(strings.ToLower(path[1]), ".json"), controller, path[2:]
}

// What MISP says when it refuses.
const (
	notAuthenticated = "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header."
	notAllowed       = "You do not have permission to use this functionality."
	notFound         = "Not Found"
	badJSON          = "Invalid JSON input. Make sure that the JSON input is a correctly formatted JSON string. This request has been blocked to avoid an unfiltered request."
	internalError    = "An Internal Error Has Occurred."
)

// write answers with a whole body.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// fail answers with an error of MISP's: a page for those who do not say that
// they take JSON.
func fail(w http.ResponseWriter, r *http.Request, status int, message string) {
	if !wantsJSON(r) {
		write(w, status, htmlType, page("Errors - MISP", message))
		return
	}
	// MISP escapes slashes here, and only here.
	url := strings.ReplaceAll(jsonString(r.RequestURI), "/", `\/`)
	write(w, status, jsonType, fmt.Appendf(nil, `{"name":%[1]s,"message":%[1]s,"url":%[2]s}`, jsonString(message), url))
}

// jsonString writes a string as JSON, and leaves HTML's characters alone.
func jsonString(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

func wantsJSON(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "application/json") || strings.HasSuffix(r.URL.Path, ".json")
}

func page(title, text string) []byte {
	return fmt.Appendf(nil, "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>%s</title></head>\n<body><h2>%s</h2></body>\n</html>\n",
		html.EscapeString(title), html.EscapeString(text))
}

// gatewayPage answers as the web server in front of MISP does.
func gatewayPage(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	write(w, status, "text/html", fmt.Appendf(nil,
		"<html>\r\n<head><title>%[1]s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", title))
}

// toLogin redirects to the login page, as MISP does with whom it takes for a
// browser.
func toLogin(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	w.Header().Set("Location", scheme+"://"+r.Host+"/users/login")
	w.Header().Set("Content-Type", htmlType)
	w.WriteHeader(http.StatusFound)
}
