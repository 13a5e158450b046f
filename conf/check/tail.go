package check

import (
	"strconv"
	"strings"
	"time"

	"fluent-bit-misp/conf"
)

// tails checks the tail inputs of which the plugin takes the records.
func (c *checker) tails() {
	n := 0
	for input := range c.config.Sections {
		s := &c.config.Sections[input]
		if s.Kind != "input" || !strings.EqualFold(s.Value("name"), "tail") {
			continue
		}
		tag := tagOf(s, n)
		n++
		for i := range c.config.Sections {
			if m := &c.config.Sections[i]; c.isMISP(m) && c.takes(m, input, tag) {
				c.tail(s, c.parserAhead(m, input, tag))
				break
			}
		}
	}
}

// takes reports whether a filter, a processor or an output gets the records of an
// input, which have the tag.
func (c *checker) takes(s *conf.Section, input int, tag string) bool {
	if s.Kind != "processor" {
		return matches(s, tag)
	}
	host := &c.config.Sections[s.Host]
	return s.Host == input || host.Kind == "output" && matches(host, tag)
}

// Alerts are up to 64 kB and a little more.
const longAlert = 128_000

// tail checks a tail input; what makes records of its lines, if it does not, is the
// section ahead.
func (c *checker) tail(s, ahead *conf.Section) {
	const lines = "an alert can be longer than 64 kB, want 1M"
	most, chunk := 32<<10, 32<<10
	at := s.Place
	if p, set := s.Get("buffer_max_size"); set {
		at, most = p.Place, c.size(p)
	}
	if most > 0 && most < longAlert {
		c.mistake(at, "Buffer_Max_Size is %d bytes: %s", most, lines)
	}
	if p, set := s.Get("buffer_chunk_size"); set {
		if chunk = c.size(p); chunk > most && most > 0 {
			c.mistake(p.Place, "Buffer_Chunk_Size is larger than Buffer_Max_Size, and Fluent Bit does not start")
		}
	}
	c.want(s, "Skip_Long_Lines", true, "a line that is longer than Buffer_Max_Size stops the file for good")
	c.want(s, "Inotify_Watcher", false, "with inotify, the last alerts of a day may come late or not at all, as Wazuh changes the file at midnight")
	if p, set := s.Get("threaded"); set && isOn(p.Value) {
		c.mistake(p.Place, "Threaded must be off: the queue behind such an input drops alerts when it is full")
	}
	c.rotation(s)
	if _, set := s.Get("db"); !set {
		c.mistake(s.Place, "DB is not set: after a restart, alerts would be sent twice or left out")
	}
	if p, set := s.Get("storage.type"); set && strings.EqualFold(p.Value, "filesystem") && c.serviceValue("storage.path") == "" {
		c.mistake(p.Place, "storage.type is filesystem: storage.path must be set in the SERVICE section")
	}
	c.parser(s, ahead)
	if !c.Elsewhere {
		c.access(s)
	}
}

// want checks a switch of Fluent Bit's that has the wrong default.
func (c *checker) want(s *conf.Section, name string, on bool, why string) {
	p, set := s.Get(name)
	if set && isOn(p.Value) == on {
		return
	}
	if !set {
		p.Place = s.Place
	}
	c.mistake(p.Place, "%s must be %s: %s", name, map[bool]string{true: "on", false: "off"}[on], why)
}

// rotation checks how long a file is read on that has no name any more.
func (c *checker) rotation(s *conf.Section) {
	wait, at := 5*time.Second, s.Place
	if p, set := s.Get("rotate_wait"); set {
		at = p.Place
		text := p.Value
		if _, err := strconv.Atoi(text); err == nil {
			text += "s"
		}
		var err error
		if wait, err = time.ParseDuration(text); err != nil {
			c.mistake(at, "Rotate_Wait %s: want a number of seconds", p.Value)
			return
		}
	}
	if wait < 10*time.Second {
		c.mistake(at, "Rotate_Wait is %v: at midnight the last alerts of a day may be left out, want 60", wait)
	}
}

// size reads a size as Fluent Bit does; it is 0 if there is none.
func (c *checker) size(p conf.Property) int {
	text := strings.TrimSuffix(strings.ToLower(p.Value), "b")
	digits := strings.TrimRight(text, "kmg")
	n, err := strconv.Atoi(digits)
	factor, ok := map[string]int{"": 1, "k": 1000, "m": 1_000_000, "g": 1_000_000_000}[text[len(digits):]]
	if err != nil || !ok || n <= 0 {
		c.mistake(p.Place, "%s %s: want a size such as 256k or 1M", p.Key, p.Value)
		return 0
	}
	return n * factor
}

func (c *checker) serviceValue(name string) string {
	for _, s := range c.sections("service") {
		if v := s.Value(name); v != "" {
			return v
		}
	}
	return ""
}
