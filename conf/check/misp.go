package check

import (
	"slices"
	"strings"

	"fluent-bit-misp/conf"
	"fluent-bit-misp/enrich"
	"fluent-bit-misp/enrich/forward"
	"fluent-bit-misp/rules"
)

// hosts are the options that Fluent Bit itself takes from a section, whatever
// its plugin.
var hosts = map[string][]string{
	"filter":    {"name", "match", "match_regex", "alias", "log_level", "log_suppress_interval", "active"},
	"processor": {"name", "match", "match_regex", "alias", "log_level", "log_suppress_interval", "active", "condition"},
	"output": {"name", "match", "match_regex", "alias", "log_level", "log_suppress_interval",
		"retry_limit", "storage.total_limit_size"},
}

// unread are options that Fluent Bit takes from any output, and of which the
// plugin takes no notice.
var unread = map[string]string{
	"host":    "forward.targets says where to send",
	"port":    "forward.targets says where to send",
	"tls":     "forward.tls is that of the targets, and url says whether MISP has TLS",
	"workers": "the plugin sets it to 0, as Fluent Bit would crash at a reload",
}

// misp checks the options of a section of the plugin. If it is not known to be
// whole, nothing is missing from it.
func (c *checker) misp(s *conf.Section, whole bool) {
	known := slices.Concat(hosts[s.Kind], optionNames(s.Kind))
	first := map[string]conf.Place{}
	for _, p := range s.Properties {
		name := strings.ToLower(p.Key)
		before, twice := first[name]
		switch {
		case s.Kind == "output" && unread[name] != "":
			c.mistake(p.Place, "%s has no effect: %s", p.Key, unread[name])
		case !slices.Contains(known, name):
			c.mistake(p.Place, "there is no option %s%s", p.Key, suggest(name, known))
		case twice && before == p.Place:
			c.mistake(p.Place, "%s is a list, of which Fluent Bit passes on the first value only: write them in one text, with commas", p.Key)
		case twice:
			c.mistake(p.Place, "%s is set already, at %s, and Fluent Bit goes by that", p.Key, before)
		default:
			first[name] = p.Place
		}
	}
	if p, set := s.Get("active"); set && slices.Contains([]string{"off", "no", "n"}, strings.ToLower(p.Value)) {
		c.mistake(p.Place, "%s %s does not switch it off: Fluent Bit takes false or 0 for that", p.Key, p.Value)
	}
	warnings, err := enrich.Check(c.property(s))
	errs := leaves(err)
	if s.Kind == "output" {
		_, err := forward.ParseOptions(c.property(s))
		errs = append(errs, leaves(err)...)
		if p, set := s.Get("on_unknown"); set && p.Unset == "" && !strings.EqualFold(p.Value, "send") && !strings.EqualFold(p.Value, "retry") {
			c.mistake(p.Place, "on_unknown %q: want send or retry", p.Value)
		}
	}
	for _, err := range errs {
		if in, ok := err.(rules.Mistakes); ok {
			for _, m := range in {
				c.mistake(conf.Place{File: m.File, Line: m.Line}, "%s", m.Message)
			}
			continue
		}
		if _, named := s.Get("api_key_file"); named && strings.HasPrefix(err.Error(), "api_key is not set") {
			continue // as its file could not be read, which is another of these
		}
		message := NameIn(s.Kind, err.Error()) // it begins with the option
		if at := placeOf(s, message); whole || at != s.Place {
			c.mistake(at, "%s", message)
		}
	}
	if _, set := s.Get("retry_limit"); s.Kind == "output" && whole && !set {
		c.mistake(s.Place, "Retry_Limit is not set: Fluent Bit tries once more, and then drops the alerts; want no_limits")
	}
	if !c.Elsewhere {
		c.secrets(s)
		c.state(s)
	}
	for _, warning := range warnings {
		message := NameIn(s.Kind, warning)
		c.unwise(placeOf(s, message), message)
	}
}

// optionNames returns the options that the plugin takes in a section of a kind.
func optionNames(kind string) []string {
	names := enrich.OptionNames()
	if kind != "output" {
		return names
	}
	for i, name := range names {
		names[i] = NameIn(kind, name)
	}
	return slices.Concat(names, forward.OptionNames(), []string{"on_unknown"})
}

// NameIn returns what an option of the engine is called in a section of a kind, or a
// message that begins with it: Fluent Bit keeps the names that begin with tls. in an
// output for itself.
func NameIn(kind, name string) string {
	if kind == "output" && strings.HasPrefix(name, "tls.") {
		return "misp." + name
	}
	return name
}

// onDisk are the options that name files.
var onDisk = []string{"api_key_file", "tls.ca_file", "tls.crt_file", "tls.key_file", "storage_path", "late_hits_file",
	"forward.shared_key_file", "forward.tls.ca_file", "forward.tls.crt_file", "forward.tls.key_file"}

// property returns the options of s as the plugin would get them. What cannot
// be known here is left out, or something right stands in for it.
func (c *checker) property(s *conf.Section) func(name string) (string, bool) {
	_, keyFile := s.Get("api_key_file")
	return func(name string) (string, bool) {
		p, set := s.Get(NameIn(s.Kind, name))
		switch {
		case p.Unset != "" && name == "url":
			return "https://misp.example", true
		case p.Unset != "" && name == "api_key", c.Elsewhere && keyFile && name == "api_key" && !set:
			return "x", true
		case p.Unset != "",
			c.Elsewhere && slices.Contains(onDisk, name),
			c.Elsewhere && name == "rules" && p.Value != "default":
			return "", false
		}
		return p.Value, set
	}
}

// placeOf returns the place of the option with which a message begins, or else
// that of the section.
func placeOf(s *conf.Section, message string) conf.Place {
	end := strings.IndexAny(message, " :")
	if end < 0 {
		end = len(message)
	}
	if p, set := s.Get(message[:end]); set {
		return p.Place
	}
	return s.Place
}

// leaves returns the errors that an error joins.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, leaves(err)...)
	}
	return all
}

// suggest names the known word that is nearest to one that is not.
func suggest(word string, known []string) string {
	best, least := "", len(word)/3+2
	for _, k := range known {
		d := distance(word, k)
		if strings.HasSuffix(k, "."+word) || strings.ReplaceAll(k, "_", "") == strings.Map(letters, word) {
			d = 0
		}
		if d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// letters drops what stands between words.
func letters(r rune) rune {
	if r == '_' || r == '-' {
		return -1
	}
	return r
}

// distance returns how many letters must be put in, taken out, changed or
// swapped with the next to make one word of the other.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
