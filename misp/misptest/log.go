package misptest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxLog bounds the requests that a server remembers.
const maxLog = 10_000

// A Request is one that a server has got, faults or not.
type Request struct {
	Time   time.Time
	Method string
	Target string // path and query, as sent
	Header http.Header
	Body   []byte   // unzipped
	Values []string // what a search asks for, in the order of the request
}

// Counts are what a server has got since it was made or last reset.
type Counts struct {
	Requests int // all of them
	Searches int // those to restSearch
	Values   int // what these asked for
}

// Requests returns the latest requests, oldest first, at most 10,000.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Counts returns how much was asked.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Values returns every value that the latest requests asked for, in order and
// as often as they were asked for.
func (s *Server) Values() []string {
	var all []string
	for _, r := range s.Requests() {
		all = append(all, r.Values...)
	}
	return all
}

// Reset forgets the requests and the counts.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.counts = nil, Counts{}
}

// begin logs a request and returns the fault that it meets, nil for none.
func (s *Server) begin(r *http.Request, body []byte) Fault {
	entry := Request{Time: s.now(), Method: r.Method, Target: r.RequestURI, Header: r.Header, Body: body}
	route, _, rest := routed(r)
	search := strings.HasSuffix(route, "/restsearch")
	if search {
		entry.Values = askedValues(r, rest, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	if search {
		s.counts.Searches++
		s.counts.Values += len(entry.Values)
	}
	if len(s.log) == maxLog {
		s.log = s.log[1:]
	}
	s.log = append(s.log, entry)
	if len(s.next) > 0 {
		var first Fault
		first, s.next = s.next[0], s.next[1:]
		return first
	}
	return s.fault
}

// askedValues returns the values that a search names, operators and all.
func askedValues(r *http.Request, path []string, body []byte) []string {
	p, err := searchParameters(r, path, body)
	if err != nil {
		return nil
	}
	var values []string
	var collect func(v any)
	collect = func(v any) {
		switch v := v.(type) {
		case string:
			values = append(values, v)
		case json.Number:
			values = append(values, v.String())
		case []any:
			for _, e := range v {
				collect(e)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				collect(v[name])
			}
		}
	}
	for _, name := range []string{"value", "value1", "value2"} {
		collect(p[name])
	}
	return values
}
