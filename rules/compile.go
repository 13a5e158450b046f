package rules

import (
	"slices"
	"strings"
)

// Options are what the configuration of the plugin says on top of the files.
type Options struct {
	Text   bool     // whether rules that are enabled with text are on
	Ignore []string // networks, addresses and domains that are never looked up
}

// Compile puts files together and makes them ready to use. Mistakes that only
// show then are [Mistakes] too; a bad option is an error that names it.
func Compile(options Options, files ...*File) (*Set, error) {
	s := &Set{}
	rules, err := s.join(files)
	if err != nil {
		return nil, err
	}
	if err := s.ignore.option(options.Ignore); err != nil {
		return nil, err
	}
	s.ignore.networks.compact()

	c := compiler{Set: s, index: map[string]int{}, known: map[string]int{}, ways: map[taking]int32{}}
	s.agentIP = c.path("agent.ip")
	for _, r := range rules {
		if r.enabled == always || r.enabled == withText && options.Text {
			c.rule(r)
		}
	}
	c.fill()
	return s, nil
}

// join puts the rules of the files into one list: later ones replace or switch
// earlier ones of their name.
func (s *Set) join(files []*File) ([]rule, error) {
	var rules []rule
	var mistakes Mistakes
	for _, f := range files {
		s.ignore.join(f.ignore)
		s.derive.noHosts = s.derive.noHosts || f.derive.noHosts
		s.derive.noParents = s.derive.noParents || f.derive.noParents
		for _, r := range f.rules {
			earlier := slices.IndexFunc(rules, func(e rule) bool { return e.name == r.name })
			switch {
			case earlier < 0 && r.lookups == nil:
				mistakes = append(mistakes, r.at.mistake("there is no rule %q to switch, and this one has no lookup", r.name))
			case earlier < 0:
				rules = append(rules, r)
			case r.lookups == nil:
				rules[earlier].enabled = r.enabled
			default:
				rules[earlier] = r
			}
		}
	}
	if mistakes != nil {
		return nil, mistakes
	}
	return rules, nil
}

// A compiler is what is needed to make a Set, and no more once it is made.
type compiler struct {
	*Set
	index map[string]int // paths by their folded text
	known map[string]int // conditions by their key
	takes []take
	words []word
	ways  map[taking]int32
}

type take struct {
	path, row int
	taking
}

type word struct {
	path, row int
	text      string
}

// path returns the index of a path, which is new or known.
func (c *compiler) path(path string) int {
	i, ok := c.index[fold(path)]
	if !ok {
		i = len(c.paths)
		c.index[fold(path)] = i
		c.paths = append(c.paths, path)
	}
	return i
}

func (c *compiler) rule(r rule) {
	number := len(c.names)
	c.names = append(c.names, r.name)
	var unless [][]int
	for _, u := range r.unless {
		var conds []int
		for _, cond := range u {
			conds = append(conds, c.condition(cond))
		}
		unless = append(unless, conds)
	}
	if r.when == nil {
		r.when = []clause{nil}
	}
	for _, w := range r.when {
		n := len(c.rows)
		row := row{rule: number, unless: unless, bare: len(w) == 0 && unless == nil}
		keyed := map[int]bool{} // a key cannot say that a row needs two words
		for _, cond := range w {
			path := c.path(cond.path)
			if cond.words == nil || keyed[path] {
				row.when = append(row.when, c.condition(cond))
				continue
			}
			keyed[path] = true
			for _, text := range cond.words {
				c.words = append(c.words, word{path, n, text})
			}
		}
		c.rows = append(c.rows, row)
		for _, l := range r.lookups {
			for _, field := range l.fields {
				c.takes = append(c.takes, take{c.path(field), n, c.taking(l, field)})
			}
		}
	}
}

// condition returns the index of a condition; the same one has the same index,
// so that it is decided once.
func (c *compiler) condition(of condition) int {
	i, ok := c.known[of.key]
	if !ok {
		i = len(c.conds)
		c.known[of.key] = i
		c.conds = append(c.conds, cond{c.path(of.path), of.matcher})
	}
	return i
}

func (c *compiler) taking(l lookup, field string) taking {
	t := taking{shape: l.shape, kind: l.kind, host: -1, port: -1, scheme: l.scheme}
	if l.host != "" {
		t.host = c.path(l.host)
	}
	if l.port != "" {
		t.port = c.path(l.port)
	}
	t.entities = strings.HasPrefix(fold(field), "data.win.event")
	if t.shape != command {
		t.way = c.way(t)
	}
	return t
}

// way returns the number of the way in which t takes a value, which is new or
// known. From which paths host and port are makes no difference.
func (c *compiler) way(t taking) int32 {
	if t.host >= 0 {
		t.host, t.port = 0, 0
	}
	if c.ways[t] == 0 {
		c.ways[t] = int32(len(c.ways) + agentWay + 1)
	}
	return c.ways[t]
}

// finish makes a site ready that has all of its rows.
func (c *compiler) finish(s *site) guard {
	if s.rows == nil {
		return untaken
	}
	var always []ruled
	for r, takings := range s.takings {
		if takings != nil && !c.rows[r].bare {
			s.takings = slices.DeleteFunc(s.takings, func(t []taking) bool { return t == nil })
			return guarded
		}
		for _, t := range takings {
			always = append(always, ruled{t, c.rows[r].rule})
		}
	}
	*s = site{always: always}
	return unguarded
}

// fill makes the bit sets, once all rows are known.
func (c *compiler) fill() {
	c.sites = make([]site, len(c.paths))
	for _, t := range c.takes {
		s := &c.sites[t.path]
		if s.rows == nil {
			s.rows = newBitset(len(c.rows))
			s.takings = make([][]taking, len(c.rows))
		}
		s.rows.set(t.row)
		s.takings[t.row] = append(s.takings[t.row], t.taking)
	}
	c.guards = make([]guard, len(c.paths))
	for i := range c.sites {
		c.guards[i] = c.finish(&c.sites[i])
	}

	words := map[int]map[string]bitset{} // by path
	for _, w := range c.words {
		i := slices.IndexFunc(c.keys, func(k key) bool { return k.path == w.path })
		if i < 0 {
			i = len(c.keys)
			c.keys = append(c.keys, key{path: w.path, free: newBitset(len(c.rows))})
			for r := range c.rows {
				c.keys[i].free.set(r)
			}
			words[w.path] = map[string]bitset{}
		}
		c.keys[i].free.clear(w.row)
		of := words[w.path]
		if of[w.text] == nil {
			of[w.text] = newBitset(len(c.rows))
		}
		of[w.text].set(w.row)
	}
	for i := range c.keys {
		c.keys[i].words = newLexicon(words[c.keys[i].path])
	}
}
