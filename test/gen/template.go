package gen

import (
	"bytes"
	"embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

//go:embed alerts
var files embed.FS

// A template is an alert with ${name} in the places of its values. One name is
// one value throughout an alert; ${name.2} is another of the same kind.
type template struct {
	name    string
	weight  int
	text    []string // what stands before each value, and after the last
	names   []string
	carries []string // the kinds of its indicators
}

// The weights make half of the alerts shorter than 1.3 kB, as in published
// dumps, and the others up to 4 kB.
var templates = []*template{
	{name: "sshd-failed", weight: 12},
	{name: "sshd-brute-force", weight: 3},
	{name: "pam-session", weight: 7},
	{name: "sca", weight: 4},
	{name: "web-errors", weight: 8},
	{name: "web-attack", weight: 5},
	{name: "syscheck-added", weight: 5},
	{name: "syscheck-modified", weight: 4},
	{name: "windows-4624", weight: 5},
	{name: "windows-4625", weight: 5},
	{name: "sysmon-1", weight: 9},
	{name: "sysmon-3", weight: 5},
	{name: "sysmon-6", weight: 2},
	{name: "sysmon-7", weight: 3},
	{name: "sysmon-15", weight: 2},
	{name: "sysmon-22", weight: 5},
	{name: "sysmon-23", weight: 2},
	{name: "suricata-alert", weight: 6},
	{name: "suricata-http", weight: 4},
	{name: "suricata-dns", weight: 4},
	{name: "suricata-tls", weight: 3},
	{name: "suricata-fileinfo", weight: 2},
	{name: "cloudtrail", weight: 3},
	{name: "office365", weight: 3},
}

var totalWeight int

func init() {
	for _, t := range templates {
		t.parse()
		totalWeight += t.weight
	}
}

// firedTimes says how often the rule has fired: a number, which no ${name} can stand
// for in JSON.
var firedTimes = regexp.MustCompile(`"firedtimes":\d+`)

// parse reads the template's file. Wazuh writes no white space between tokens.
func (t *template) parse() {
	file, err := files.ReadFile("alerts/" + t.name + ".json")
	if err != nil {
		panic(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, file); err != nil {
		panic(t.name + ": " + err.Error())
	}
	rest := firedTimes.ReplaceAllLiteralString(compact.String(), `"firedtimes":${fired}`)
	for {
		before, after, found := strings.Cut(rest, "${")
		t.text = append(t.text, before)
		if !found {
			return
		}
		name, after, _ := strings.Cut(after, "}")
		t.names = append(t.names, name)
		if kind := strings.ToLower(strings.TrimSuffix(name, "_host")); isListable(kind) && !slices.Contains(t.carries, kind) {
			t.carries = append(t.carries, kind)
		}
		rest = after
	}
}

// fill returns the alert.
func (t *template) fill(f *filler) []byte {
	line := make([]byte, 0, 2048)
	for i, name := range t.names {
		line = append(line, t.text[i]...)
		line = append(line, f.value(name)...)
	}
	return append(line, t.text[len(t.names)]...)
}

func isListable(kind string) bool {
	return slices.Contains([]string{"ip", "domain", "url", "md5", "sha1", "sha256"}, kind)
}
