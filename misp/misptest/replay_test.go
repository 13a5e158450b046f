package misptest

import (
	"bytes"
	"cmp"
	"flag"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

var captures = flag.String("captures", "", "a directory of requests to MISP and its answers to replay, instead of testdata/replay")

// TestReplay sends each NAME.req to a server and compares what comes with
// NAME.resp, in the order of time and name. An answer that names its Server is
// to be met in full: status, headers, body. Of any other only what it says is
// compared, null standing for what must not be there.
//
// The database is database.json where there is one, and otherwise what can be
// learnt of it from the answers.
func TestReplay(t *testing.T) {
	var files fs.FS
	if *captures != "" {
		files = os.DirFS(*captures)
	} else {
		files = authored(t)
	}
	exchanges := readExchanges(t, files)
	db := &Database{}
	if f, err := files.Open("database.json"); err == nil {
		if err := db.Load(f); err != nil {
			t.Fatal(err)
		}
	} else {
		learn(t, exchanges, db)
	}
	// The lists that were enabled where the recordings are from.
	db.AddWarninglist(Warninglist{ID: 95, Name: "List of known IPv4 public DNS resolvers", Entries: []string{"8.8.8.8/32"}})
	db.AddWarninglist(Warninglist{Name: "List of RFC 1918 CIDR blocks", Entries: []string{"10.0.0.0/8"}})
	db.AddWarninglist(Warninglist{Name: "List of hashes of the EICAR test file", Entries: []string{"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"}})

	var now time.Time
	server := New(db, WithClock(func() time.Time { return now }), WithKeys(
		Key{Key: "<admin-key>", Org: "ORGNAME"},
		Key{Key: "<user>", Role: User, Org: "PARTNER-CERT"},
		Key{Key: "<read-only role>", Role: ReadOnly, Org: "PARTNER-CERT"},
		Key{Key: "<read-only key>", Role: User, ReadOnly: true, Org: "PARTNER-CERT"},
		Key{Key: "<limited>", Role: User, Org: "PARTNER-CERT", RateLimit: 5},
		Key{Key: "<disabled>", Role: User, Disabled: true},
		Key{Key: "<elsewhere>", Role: User, WrongAddress: true},
	))
	met, beyond := 0, 0
	for _, x := range exchanges {
		if why := beyondReach(x.name); why != "" && *captures != "" {
			beyond++
			t.Logf("%s: not compared: %s", x.name, why)
			continue
		}
		now = x.date
		if now.IsZero() {
			now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
		}
		server.SetMaintenance(strings.Contains(x.name, "maintenance") && !strings.Contains(x.name, "over"))
		server.Fault(faultOf(x.name))
		got := httptest.NewRecorder()
		server.ServeHTTP(got, x.request(t))
		ok := t.Run(x.name, func(t *testing.T) { x.compare(t, got) })
		if ok {
			met++
		}
	}
	t.Logf("%d exchanges: %d met, %d beyond reach", len(exchanges), met, beyond)
}

// beyondReach says why a recording cannot be met, "" if it can.
func beyondReach(name string) string {
	for _, c := range []struct{ name, why string }{
		{`^36-include(DecayScore|FullModel)$|^37-|^62-decay`, "decaying models are not modelled"},
		{`^36-includeCorrelations$`, "correlations are not modelled"},
		{`^62-sight-restsearch$`, "searching sightings is not modelled"},
		{`^62-sight-500values$`, "the attributes were never in an answer"},
		{`^60-head$`, "the count is of 302,454 rows"},
	} {
		if regexp.MustCompile(c.name).MatchString(name) {
			return c.why
		}
	}
	return ""
}

// faultOf is what was broken when the exchange of this name was recorded.
func faultOf(name string) Fault {
	switch {
	case strings.HasPrefix(name, "66-db-down"):
		return Status(http.StatusInternalServerError)
	case strings.HasPrefix(name, "66-phpfpm-down"):
		return Status(http.StatusBadGateway)
	}
	return nil
}

// keyOf is whose key a recording hides behind <key>.
func keyOf(name string) string {
	for _, c := range []struct{ name, key string }{
		{`^60-readonly-`, "<read-only role>"},
		{`^64-readonly-`, "<read-only key>"},
		{`^70-`, "<limited>"},
		{`disabled`, "<disabled>"},
		{`ip-not-allowed`, "<elsewhere>"},
		{`wrong-key|noapi|expired`, "<unknown>"},
	} {
		if regexp.MustCompile(c.name).MatchString(name) {
			return c.key
		}
	}
	return "<user>"
}

// authored returns the exchanges that are in the repository.
func authored(t *testing.T) fs.FS {
	files := fstest.MapFS{}
	archives, err := filepath.Glob("testdata/replay/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives in testdata/replay: %v", err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if files[f.Name] != nil {
				t.Fatalf("%s: %s is there twice", name, f.Name)
			}
			files[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	database, err := os.ReadFile("testdata/replay/database.json")
	if err != nil {
		t.Fatal(err)
	}
	files["database.json"] = &fstest.MapFile{Data: database}
	return files
}

// exchange is a request and the answer that MISP gave.
type exchange struct {
	name   string
	curl   []byte // the request as a command, and its body
	status string // "200 OK"
	date   time.Time
	header http.Header
	body   []byte
}

var sightingID = regexp.MustCompile(`"Sighting": \{\s*"id": "(\d+)"`)

func readExchanges(t *testing.T, files fs.FS) []exchange {
	names, err := fs.Glob(files, "*.resp")
	if err != nil || len(names) == 0 {
		t.Fatalf("no *.resp to replay: %v", err)
	}
	var list []exchange
	for _, name := range names {
		x := exchange{name: strings.TrimSuffix(name, ".resp"), header: http.Header{}}
		if x.curl, err = fs.ReadFile(files, x.name+".req"); err != nil {
			t.Fatal(err)
		}
		answer, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := bytes.Cut(answer, []byte("\r\n\r\n"))
		if !ok {
			head, body, _ = bytes.Cut(answer, []byte("\n\n"))
		}
		x.body = body
		lines := strings.Split(strings.ReplaceAll(string(head), "\r", ""), "\n")
		x.status = strings.TrimPrefix(lines[0], "HTTP/1.1 ")
		for _, line := range lines[1:] {
			key, value, _ := strings.Cut(line, ": ")
			x.header.Add(key, value)
		}
		x.date, _ = time.Parse(http.TimeFormat, x.header.Get("Date"))
		list = append(list, x)
	}
	// Within a second the ids that MISP gave tell what came first.
	sequence := func(x exchange) string {
		if m := sightingID.FindSubmatch(x.body); m != nil && !x.date.IsZero() {
			return string(m[1])
		}
		return ""
	}
	slices.SortFunc(list, func(a, b exchange) int {
		x, y := sequence(a), sequence(b)
		return cmp.Or(a.date.Compare(b.date), cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(a.name, b.name))
	})
	return list
}

// request makes the request of the curl command.
func (x exchange) request(t *testing.T) *http.Request {
	command, stdin, _ := bytes.Cut(x.curl, []byte("\n\n# stdin"))
	_, stdin, _ = bytes.Cut(stdin, []byte("bytes\n"))
	words := shellWords(string(command))
	var url, method string
	var body []byte
	header := http.Header{}
	for i := 1; i < len(words); i++ {
		argument := ""
		if i+1 < len(words) {
			argument = words[i+1]
		}
		switch word := words[i]; word {
		case "-H":
			name, value, _ := strings.Cut(argument, ":")
			header.Set(name, strings.ReplaceAll(strings.TrimSpace(value), "<key>", keyOf(x.name)))
			i++
		case "--json":
			header.Set("Accept", "application/json")
			header.Set("Content-Type", "application/json")
			fallthrough
		case "-d", "--data-binary":
			method, body = cmp.Or(method, http.MethodPost), []byte(argument)
			if argument == "@-" {
				body = bytes.TrimSuffix(stdin, []byte("\n"))
			}
			i++
		case "-X":
			method = argument
			i++
		case "-s", "-S", "-g", "-i", "--head":
		default:
			url = word
		}
	}
	target, ok := strings.CutPrefix(url, "http://misp.example")
	if !ok {
		t.Fatalf("%s: cannot read %q", x.name, command)
	}
	r := httptest.NewRequest(cmp.Or(method, http.MethodGet), target, bytes.NewReader(body))
	r.Host, r.Header = "misp.example", header
	return r
}

// shellWords splits a command as a shell does, without expansions.
func shellWords(s string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	open, escaped := false, false
	for _, c := range strings.TrimSpace(s) + " " {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\n'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	return words
}
