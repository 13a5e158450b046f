package misptest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Fault stands between a request and its answer: it answers itself, or has
// answer do it and spoils what comes. The request's body can be read.
type Fault func(w http.ResponseWriter, r *http.Request, answer http.Handler)

// Fault makes every request meet f from now on; nil ends that.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// FaultNext makes the next requests meet these faults, one each, nil being
// none; after them it is as [Server.Fault] says.
func (s *Server) FaultNext(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, faults...)
}

// At makes the requests that have this text in them meet f.
func At(text string, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		body, _ := io.ReadAll(r.Body) // from memory
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(text)) {
			f(w, r, answer)
			return
		}
		answer.ServeHTTP(w, r)
	}
}

// Latency answers as late as d, unless the client goes before.
func Latency(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		if pause(r, d) {
			answer.ServeHTTP(w, r)
		}
	}
}

// pause waits, and reports whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Silent takes the request and never answers.
func Silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
}

// Drip sends the answer's body byte by byte, one every interval.
func Drip(interval time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		body := begin(w, r, answer)
		for i := range body {
			if _, err := w.Write(body[i : i+1]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			if !pause(r, interval) {
				return
			}
		}
	}
}

// Reset breaks the connection in the middle of the answer's body.
func Reset(w http.ResponseWriter, r *http.Request, answer http.Handler) {
	body := begin(w, r, answer)
	control := http.NewResponseController(w)
	_, _ = w.Write(body[:len(body)/2])
	_ = control.Flush()
	conn, _, err := control.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0) // a reset instead of an orderly end
	}
	conn.Close()
}

// recorder keeps an answer instead of sending it.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// begin sends the header of the answer and returns the body that follows.
func begin(w http.ResponseWriter, r *http.Request, answer http.Handler) []byte {
	full := &recorder{header: http.Header{}, status: http.StatusOK}
	answer.ServeHTTP(full, r)
	for name, values := range full.header {
		w.Header()[name] = values
	}
	w.WriteHeader(full.status)
	return full.body.Bytes()
}

// Status answers as MISP, or the web server before it, does with this status:
// 403 for a key that is not known, 404, 405, 429 without the headers that say
// when to come back, 500; 413, 502, 503 and any other with the page of the web
// server.
func Status(code int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		switch code {
		case http.StatusForbidden:
			fail(w, r, code, notAuthenticated)
		case http.StatusNotFound:
			fail(w, r, code, notFound)
		case http.StatusMethodNotAllowed:
			fail(w, r, code, badJSON)
		case http.StatusTooManyRequests:
			tooMany(w, r)
		case http.StatusInternalServerError:
			fail(w, r, code, internalError)
		default:
			gatewayPage(w, code)
		}
	}
}

// RateLimited answers 429 with the headers of MISP, to come back after reset.
func RateLimited(reset time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		rateHeaders(w, 100, 0, reset)
		tooMany(w, r)
	}
}

// LoginRedirect sends the client to the login page, which answers 200.
func LoginRedirect(w http.ResponseWriter, r *http.Request, _ http.Handler) { toLogin(w, r) }

// Answer answers with this status and body whatever is asked.
func Answer(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		write(w, status, contentType, []byte(body))
	}
}

// WrongShape answers with JSON that is no answer of a search.
var WrongShape = Answer(http.StatusOK, jsonType, `{"response": [{"Attribute": {"value": ["x"]}}]}`)

// DeepNesting answers with arrays within arrays.
func DeepNesting(depth int) Fault {
	return Answer(http.StatusOK, jsonType,
		`{"response": {"Attribute": `+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}}`)
}

// rewrite makes a fault of a change to the body of an answer.
func rewrite(change func([]byte) []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		full := &recorder{header: http.Header{}, status: http.StatusOK}
		answer.ServeHTTP(full, r)
		write(w, full.status, full.header.Get("Content-Type"), change(full.body.Bytes()))
	}
}

// CutOff answers with the first half of the JSON, as if that were all.
var CutOff = rewrite(func(body []byte) []byte { return body[:len(body)/2] })

// DuplicateKeys answers with a second value, before the right one, in every
// attribute.
var DuplicateKeys = rewrite(func(body []byte) []byte {
	return bytes.ReplaceAll(body, []byte(`"value":`), []byte(`"value":"duplicate.example","value":`))
})

// WrongTypes answers with a value of another type in place of every scalar.
var WrongTypes = rewrite(func(body []byte) []byte {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return body
	}
	changed, _ := json.Marshal(otherTypes(v)) // it was decoded from JSON
	return changed
})

func otherTypes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = otherTypes(e)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = otherTypes(e)
		}
		return v
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n
		}
		return []string{v}
	case bool:
		return strconv.FormatBool(v)
	}
	return map[string]any{}
}

// WholeDatabase answers as if nothing had been asked for in particular.
func WholeDatabase(w http.ResponseWriter, r *http.Request, answer http.Handler) {
	r.Body = io.NopCloser(strings.NewReader("{}"))
	answer.ServeHTTP(w, r)
}

// Unasked answers also about values that were not asked for.
func Unasked(values ...string) Fault {
	return func(w http.ResponseWriter, r *http.Request, answer http.Handler) {
		var p struct {
			Value json.RawMessage `json:"value"`
		}
		body, _ := io.ReadAll(r.Body) // from memory
		rest := map[string]any{}
		if json.Unmarshal(body, &p) == nil && json.Unmarshal(body, &rest) == nil {
			asked, _ := decode(p.Value)
			or := dissect(asked).or
			rest["value"] = map[string]any{"OR": append(or, values...)}
			body, _ = json.Marshal(rest)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer.ServeHTTP(w, r)
	}
}

// Huge answers with a body of size bytes, of attributes without end.
func Huge(size int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", jsonType)
		endless(w, r, size)
	}
}

// GzipBomb answers with a small body that unzips to size bytes.
func GzipBomb(size int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
		endless(z, r, size)
		z.Close()
	}
}

// endless writes size bytes of an answer, or what the client takes.
func endless(w io.Writer, r *http.Request, size int64) {
	chunk := bytes.Repeat([]byte(`{"id":"1","event_id":"1","type":"domain","to_ids":true,"value":"endless.example","Event":{"id":"1"}},`), 1000)
	start := `{"response": {"Attribute": [`
	n, err := io.WriteString(w, start)
	for size -= int64(n); err == nil && size > 0 && r.Context().Err() == nil; size -= int64(n) {
		n, err = w.Write(chunk[:min(size, int64(len(chunk)))])
	}
}
