package misptest

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"strconv"
)

// restSearch answers /attributes/restSearch. Path is what follows it.
func (s *Server) restSearch(w http.ResponseWriter, r *http.Request, key Key, path []string, body []byte) {
	if !s.admit(w, r, key) {
		return
	}
	p, err := searchParameters(r, path, body)
	if err != nil {
		fail(w, r, http.StatusMethodNotAllowed, badJSON)
		return
	}
	if r.Method == http.MethodGet && len(p) == 0 {
		fail(w, r, http.StatusBadRequest, "Restsearch queries using GET and no parameters are not allowed. If you have passed parameters via a JSON body, make sure you use POST requests.")
		return
	}
	name, given := p["returnFormat"].(string)
	if !given || name == "" {
		name = "json"
	}
	f, known := formats[name]
	if !known {
		fail(w, r, http.StatusNotFound, "Invalid output format.")
		return
	}
	for parameter, v := range f.defaults {
		if _, given := p[parameter]; !given {
			p[parameter] = v
		}
	}
	var answer []byte
	s.db.mu.RLock()
	found, err := s.db.search(p, s.sees(key), s.now())
	broken := err != nil || f.render == nil || name == "cache" && p["page"] != nil
	if !broken {
		answer = f.render(s.db, p, found)
	}
	s.db.mu.RUnlock()
	if broken {
		fail(w, r, http.StatusInternalServerError, internalError)
		return
	}
	h := w.Header()
	if wants := r.Header.Get("If-None-Match"); wants != "" {
		sum := sha1.Sum(answer)
		tag := `"` + hex.EncodeToString(sum[:]) + `"`
		if tag == wants {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h["ETag"] = []string{tag} // as MISP spells it
	}
	h.Set("X-Result-Count", strconv.Itoa(found.count))
	h.Set("X-Export-Module-Used", name)
	h.Set("X-Response-Format", f.extension)
	h.Set("X-Skipped-Elements-Count", strconv.Itoa(found.skipped))
	write(w, http.StatusOK, f.contentType, answer)
}
