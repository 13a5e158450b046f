package main

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"fluent-bit-misp/misp/misptest"
)

// A variant is one way to set Fluent Bit up.
type variant struct {
	name    string
	file    string // the alerts that it reads; see setup.file
	filter  string // its FILTER section; URL stands for that of MISP
	output  string // its OUTPUT section, null if none; HOST and PORT stand for the sink
	watcher string // whether inotify says that there is more to read, Off if not set
	base    int    // the variant that it is compared with, on the same alerts
}

const (
	fewHits   = "few-hits" // one alert in 1,000 hits
	allHit    = "all-hit"
	newValues = "new-values"
)

const (
	noFilter = iota
	modify
	lua
	mispFew
	noFilterAll
	mispAll
	forward
	mispOutput
)

const (
	mispOptions   = " Name misp\n Match *\n url URL\n api_key " + misptest.UserKey + "\n"
	mispSection   = "[FILTER]\n" + mispOptions
	forwardOutput = "[OUTPUT]\n Name forward\n Match *\n Host HOST\n Port PORT\n Require_ack_response On\n Retry_Limit no_limits\n"
	nullOutput    = "[OUTPUT]\n Name null\n Match *\n"
	mispForward   = "[OUTPUT]\n" + mispOptions + " forward.targets HOST:PORT\n Retry_Limit no_limits\n"
)

var variants = []variant{
	noFilter: {name: "no filter", file: fewHits},
	modify:   {name: "modify", file: fewHits, filter: "[FILTER]\n Name modify\n Match *\n Add seen yes\n"},
	lua: {name: "lua", file: fewHits, filter: "[FILTER]\n Name lua\n Match *\n Call add\n" +
		" Code function add(tag, time, record) record[\"seen\"] = \"yes\" return 2, time, record end\n"},
	mispFew:     {name: "misp, 1 in 1,000 hits", file: fewHits, filter: mispSection},
	noFilterAll: {name: "no filter, all hit", file: allHit, base: noFilterAll},
	mispAll:     {name: "misp, all hit", file: allHit, filter: mispSection, base: noFilterAll},
	forward:     {name: "forward output", file: fewHits, output: forwardOutput, base: forward},
	mispOutput:  {name: "misp output", file: fewHits, output: mispForward, base: forward},
}

// config writes the configuration of a variant into a directory, in which it then
// reads alerts, and returns its name.
func (s setup) config(v variant, dir string) (string, error) {
	sections := strings.NewReplacer("URL", s.url, "HOST", s.sink.host, "PORT", s.sink.port)
	parts := map[string]string{
		"parsers.conf": "[PARSER]\n Name wazuh\n Format json\n Time_Key timestamp\n" +
			" Time_Format %Y-%m-%dT%H:%M:%S.%L%z\n Time_Keep On\n",
		"plugins.conf": "[PLUGINS]\n Path " + s.plugin(v) + "\n",
		"fluent-bit.conf": fmt.Sprintf("[SERVICE]\n Flush 0.2\n Log_Level warn\n Parsers_File %[1]s/parsers.conf\n"+
			" Plugins_File %[1]s/plugins.conf\n"+
			"[INPUT]\n Name tail\n Path %[1]s/*.json\n Parser wazuh\n Read_from_Head On\n Inotify_Watcher %[4]s\n"+
			" Refresh_Interval 1\n Buffer_Chunk_Size %[5]s\n Buffer_Max_Size 1M\n"+
			"%[2]s%[3]s", dir, sections.Replace(v.filter), sections.Replace(cmp.Or(v.output, nullOutput)), cmp.Or(v.watcher, "Off"), s.chunk),
	}
	for name, text := range parts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "fluent-bit.conf"), nil
}

// plugin returns the name of the shared object for a variant: as Fluent Bit goes
// by it, one file is a filter or an output.
func (s setup) plugin(v variant) string {
	if v.output == "" {
		return filepath.Join(s.build, "flb-filter_misp.so")
	}
	return filepath.Join(s.build, "out_misp.so")
}

// listen serves MISP on the loopback interface until the program ends.
func listen(h http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = http.Serve(l, h) }()
	return "http://" + l.Addr().String(), nil
}
