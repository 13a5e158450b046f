package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// A screen shows alerts to a person, in colour if it is a terminal.
type screen struct {
	file   *os.File
	colour bool
}

func newScreen(file *os.File) *screen {
	info, err := file.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &screen{file: file, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

const (
	bold  = "\x1b[1m"
	red   = "\x1b[1;31m"
	green = "\x1b[32m"
	faint = "\x1b[2m"
	plain = "\x1b[0m"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return colour + text + plain
}

func (s *screen) printf(format string, args ...any) { fmt.Fprintf(s.file, format, args...) }

// show shows a record, and returns the value that MISP knew.
func (s *screen) show(record []byte) (known string, err error) {
	var r struct {
		Timestamp string
		Rule      struct {
			Level       int
			Description string
		}
		Agent struct{ Name string }

		Verdict string   `json:"misp_verdict"`
		Error   string   `json:"misp_error"`
		Value   string   `json:"misp_value"`
		Type    string   `json:"misp_type"`
		Field   string   `json:"misp_field"`
		Comment string   `json:"misp_comment"`
		Count   int      `json:"misp_count"`
		Info    string   `json:"misp_event_info"`
		Org     string   `json:"misp_event_org"`
		Threat  string   `json:"misp_threat_level"`
		Tags    []string `json:"misp_tags"`
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return "", fmt.Errorf("a record came out that is no JSON: %w", err)
	}
	// A Wazuh timestamp has its time of day at a fixed place.
	s.printf("\n%s  %s  level %d  %s\n", r.Timestamp[11:19], s.paint(bold, fmt.Sprintf("%-12s", r.Agent.Name)), r.Rule.Level, r.Rule.Description)
	switch r.Verdict {
	case "hit":
		s.field("verdict", s.paint(red, r.Verdict))
		s.field("value", s.paint(bold, r.Value)+" ("+r.Type+")")
		s.field("field", r.Field)
		s.field("comment", r.Comment)
		s.field("event_info", r.Info+" ("+r.Org+")")
		s.field("threat_level", r.Threat)
		s.field("tags", strings.Join(r.Tags, " "))
		if r.Count > 1 {
			s.field("hits", fmt.Sprintf("this and %d more", r.Count-1))
		}
	case "":
		s.printf("    %s\n", s.paint(green, "nothing that MISP knows: passed on as it was"))
	default:
		s.field("verdict", r.Verdict)
		s.field("error", r.Error)
	}
	return r.Value, nil
}

// field shows a field of the record, under the name that it has there.
func (s *screen) field(name, value string) {
	if value != "" {
		s.printf("    %s %s\n", s.paint(faint, fmt.Sprintf("%-17s", "misp_"+name)), value)
	}
}
