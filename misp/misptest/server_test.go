package misptest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// post sends a search to a server without a connection.
func post(s *Server, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/attributes/restSearch", body)
	r.Header = http.Header{"Authorization": {AdminKey}, "Accept": {"application/json"}, "Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// found returns the ids that a search for the value gives.
func found(t *testing.T, s *Server, value string) string {
	t.Helper()
	w := post(s, strings.NewReader(fmt.Sprintf(`{"value": %q, "includeContext": 1}`, value)))
	var answer struct {
		Response struct{ Attribute []struct{ ID string } }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	var ids []string
	for _, a := range answer.Response.Attribute {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

func TestRequests(t *testing.T) {
	s := New(Sample())
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, `{"value": "198.51.100.23", "value1": ["a", 7]}`)
	z.Close()
	if w := post(s, &zipped, "Content-Encoding", "gzip"); w.Code != 200 {
		t.Errorf("a zipped request: %d", w.Code)
	}
	if w := post(s, strings.NewReader("not zipped"), "Content-Encoding", "gzip"); w.Code != 400 {
		t.Errorf("a request that only says it is zipped: %d", w.Code)
	}
	s.Fault(Status(500))
	post(s, strings.NewReader(`{"value": {"OR": ["x", "%"]}}`))
	s.Fault(nil)
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/attributes/restSearch/value:y", nil))
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/servers/getVersion", nil))

	if want, got := []string{"198.51.100.23", "a", "7", "x", "%", "y"}, s.Values(); !reflect.DeepEqual(got, want) {
		t.Errorf("values %q, want %q", got, want)
	}
	if want, got := (Counts{Requests: 5, Searches: 4, Values: 6}), s.Counts(); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	if r := s.Requests()[0]; r.Method != "POST" || r.Target != "/attributes/restSearch" || r.Header.Get("Authorization") != AdminKey || !strings.HasPrefix(string(r.Body), `{"value"`) {
		t.Errorf("request %+v", r)
	}
	s.Reset()
	if got := s.Counts(); got != (Counts{}) || len(s.Requests()) != 0 {
		t.Errorf("after a reset: %+v, %d requests", got, len(s.Requests()))
	}
}

func TestBodyLimit(t *testing.T) {
	s := New(Sample())
	w := post(s, bytes.NewReader(make([]byte, maxBody+1)))
	if w.Code != 413 || w.Header().Get("Content-Type") != "text/html" {
		t.Errorf("status %d, type %s", w.Code, w.Header().Get("Content-Type"))
	}
}

func TestSample(t *testing.T) {
	s := New(Sample())
	for _, value := range []string{
		"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
		"3395856ce81f2b7382dee72602f798b642f14140",
		"44d88612fea8a8f36de82e1278abb02f",
		"evil-updates.example.com",
		"198.51.100.23",
		"http://evil-updates.example.com/gate/payload.bin",
	} {
		body := `{"value": {"OR": ["` + value + `"]}, "to_ids": 1, "published": 1}`
		w := post(s, strings.NewReader(body), "Authorization", UserKey)
		if w.Header().Get("X-Result-Count") != "1" {
			t.Errorf("%s: %s", value, w.Body)
		}
	}
	for value, filter := range map[string]string{"192.0.2.200": "to_ids", "login-portal.example.net": "published"} {
		w := post(s, strings.NewReader(`{"value": "`+value+`", "`+filter+`": 1}`))
		if hidden, there := w.Header().Get("X-Result-Count"), found(t, s, value); hidden != "0" || there == "" {
			t.Errorf("%s: %s by %s, %q without", value, hidden, filter, there)
		}
	}
}

// FuzzServe holds every answer to be one that MISP may give.
func FuzzServe(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, `{"value": "%"}`, `{"value": {"OR": ["a", "!b"], "NOT": "c"}, "limit": 2, "page": -1}`,
		`{"timestamp": ["1d", "9999999999999999999d"], "type": ["!ip%"], "deleted": [0, 1]}`,
		`{"limit": 1e99}`, `{"limit": 1, "page": 9223372036854775807}`, `{"order": ["Attribute.id desc", ""], "tags": {"NOT": "tlp:%"}}`,
		`{"value": "\ud800"}`, "{\"value\": \"\xff\"}", `{"returnFormat": "csv", "requested_attributes": [{}]}`, `{"returnFormat": 3}`,
		`{"includeContext": 1, "includeSightings": 1, "includeWarninglistHits": 1, "enforceWarninglist": 1}`,
	} {
		f.Add("/attributes/restSearch", []byte(body))
	}
	for _, path := range []string{"", "/", "/users/view/me", "/attributes", "/attributes/restSearch/value:", "/sightings/add/x/y", "/admin", "/events/restSearch//:"} {
		f.Add(path, []byte(`{"values": ["198.51.100.23", {}], "timestamp": "x"}`))
	}
	s := New(Sample())
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = http.Header{"Authorization": {AdminKey}, "Accept": {"application/json"}, "Content-Type": {"application/json"}}
		r.URL.Path = path
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch w.Code {
		case 200, 403, 404, 405, 500:
		default:
			t.Fatalf("status %d", w.Code)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), jsonType) && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("not JSON: %s", w.Body)
		}
	})
}

// BenchmarkSearch asks for 500 values, none of them there, of 200,000.
func BenchmarkSearch(b *testing.B) {
	e := Event{Info: "large", Published: true}
	for i := range 200_000 {
		e.Attributes = append(e.Attributes, Attribute{ID: int64(i) + 1, Type: "domain", Value: fmt.Sprintf("host%d.example.com", i)})
	}
	db := &Database{}
	db.Add(e)
	var asked []string
	for i := range 500 {
		asked = append(asked, fmt.Sprintf(`"miss%d.example.com"`, i))
	}
	body := `{"value": {"OR": [` + strings.Join(asked, ",") + `]}, "to_ids": 1, "published": 1, "limit": 1000}`
	s := New(db)
	for b.Loop() {
		post(s, strings.NewReader(body))
	}
}
