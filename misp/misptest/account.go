package misptest

import (
	_ "embed"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// The keys of a server that is given none, one of each role.
const (
	AdminKey    = "demoAdminKey0000000000000000000000000000"
	UserKey     = "demoUserKey00000000000000000000000000000"
	ReadOnlyKey = "demoReadOnlyKey0000000000000000000000000"
)

// A Role says what the owner of a key may do.
type Role uint8

const (
	Admin    Role = iota // sees everything, and also during maintenance
	User                 // sees what is shared, may add sightings
	ReadOnly             // sees what is shared
)

// A Key is an API key with what there is to say of its owner. A key that the
// server does not know is refused like one that has expired.
type Key struct {
	Key       string
	Role      Role
	Org       string // "" is [HomeOrg]
	ReadOnly  bool   // the key may not change anything, whatever the role
	RateLimit int    // searches in 15 minutes; 0 is no limit

	Disabled     bool // its owner is
	WrongAddress bool // it is not allowed from where it is used
}

// rateWindow is over what time MISP counts searches.
const rateWindow = 15 * time.Minute

// usage is what a key has used of its rate limit.
type usage struct {
	since time.Time
	count int
}

// sees returns whether a key may see a row: published or not, but not what
// only another organisation may see.
func (s *Server) sees(key Key) func(*row) bool {
	return func(r *row) bool {
		return key.Role == Admin || r.event.Distribution != "0" || r.event.Owner.Name == key.Org
	}
}

// authenticate returns whose request it is; if nobody's, it has answered.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (Key, bool) {
	key, known := s.keys[r.Header.Get("Authorization")]
	switch {
	case !known:
		fail(w, r, http.StatusForbidden, notAuthenticated)
	case key.Disabled:
		fail(w, r, http.StatusForbidden, "Authentication failed. Your user account has been disabled.")
	case key.WrongAddress:
		fail(w, r, http.StatusForbidden, "It is not possible to use this Auth key from your IP address")
	default:
		return key, true
	}
	return Key{}, false
}

// admit counts a search against the rate limit; if there are too many, it has
// answered.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, key Key) bool {
	if key.RateLimit == 0 {
		return true
	}
	now := s.now()
	s.mu.Lock()
	u := s.used[key.Key]
	if now.Sub(u.since) >= rateWindow {
		u = usage{since: now}
	}
	u.count++
	s.used[key.Key] = u
	s.mu.Unlock()
	rateHeaders(w, key.RateLimit, key.RateLimit-u.count, rateWindow-now.Sub(u.since))
	if u.count <= key.RateLimit {
		return true
	}
	tooMany(w, r)
	return false
}

func rateHeaders(w http.ResponseWriter, limit, remaining int, reset time.Duration) {
	w.Header().Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(max(remaining, 0)))
	w.Header().Set("X-Rate-Limit-Reset", strconv.Itoa(int(reset.Seconds())))
}

func tooMany(w http.ResponseWriter, r *http.Request) {
	write(w, http.StatusTooManyRequests, jsonType, fmt.Appendf(nil,
		"{\n    \"name\": %[1]s,\n    \"message\": %[1]s,\n    \"url\": %[2]s\n}", jsonString("Rate limit exceeded."), jsonString(r.RequestURI)))
}

//go:embed about.tmpl
var aboutText string

// about holds the answers about the server and the owner of a key.
var about = template.Must(template.New("about").Parse(aboutText))

func (s *Server) about(w http.ResponseWriter, name string, key Key) {
	s.db.mu.Lock()
	org := s.db.org(Org{Name: key.Org})
	s.db.mu.Unlock()
	var b strings.Builder
	err := about.ExecuteTemplate(&b, name, map[string]any{
		"Key":      key,
		"Org":      org,
		"Admin":    key.Role == Admin,
		"Write":    key.Role != ReadOnly,
		"RoleID":   int(key.Role)*2 + 1,
		"RoleName": [...]string{"admin", "User", "Read Only"}[key.Role],
	})
	if err != nil {
		panic(err) // the template is ours and is given all it names
	}
	write(w, http.StatusOK, jsonType, []byte(strings.TrimSpace(b.String())))
}
