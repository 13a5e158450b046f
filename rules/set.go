package rules

import (
	"slices"

	"fluent-bit-misp/misp/ioc"
)

// A Set is compiled rules. It is immutable and may be used concurrently.
//
// Its rows are the clauses of the rules: a rule with an "or" of mappings has
// one for each. A row is a bit in every bit set of the Set, so that the
// equality conditions of all rules are decided together: for each path that
// they compare, the rows whose words are in the event, and those that do not
// care.
type Set struct {
	paths   []string
	names   []string // of the rules
	rows    []row
	keys    []key
	conds   []cond
	guards  []guard // by path
	sites   []site  // by path
	agentIP int     // the path of the agent's address
	ignore  ignore
	derive  derive
}

// A row is a clause of a rule, without what the keys decide.
type row struct {
	rule   int
	when   []int   // conditions that must all hold
	unless [][]int // none of these may hold altogether
	bare   bool    // there is no condition at all, also no word
}

type cond struct {
	path    int
	matcher matcher
}

// A key is a path that rules compare with words.
type key struct {
	path  int
	free  bitset // rows that do not compare it
	words lexicon
}

// A guard says whether something is taken at a path. There is a byte of it for
// each, because most values are only there for conditions.
type guard uint8

const (
	untaken   guard = iota // nothing is taken
	unguarded              // whatever else the event has
	guarded                // under conditions
)

// A site is what is taken at one path.
type site struct {
	always []ruled // if what other fields have does not matter; rows is nil then

	rows    bitset
	takings [][]taking // of each of the rows, in order
}

// A ruled is a taking, and the rule that it is of.
type ruled struct {
	taking taking
	rule   int
}

// A taking is one look-up at one path.
type taking struct {
	way        int32 // the same for takings that take the same from a value; 0 if all values at the path have a say
	shape      shape
	kind       ioc.Kind
	host, port int // paths, -1 if there is none
	scheme     string
	entities   bool // whether the value has XML entities
}

// Paths returns every path that the set needs the values of; what is found
// says its index here. The slice is shared: do not change it.
func (s *Set) Paths() []string { return s.paths }

// Rules returns the name of every rule, in the order of what is found; each
// there once. The slice is shared: do not change it.
func (s *Set) Rules() []string { return s.names }

// RuleName returns the name of rule i of what is found.
func (s *Set) RuleName(i int) string { return s.names[i] }

// RulesAt returns the rules that take something at a path, if their conditions
// hold.
func (s *Set) RulesAt(path int) []int {
	var rules []int
	for _, always := range s.sites[path].always {
		rules = append(rules, always.rule)
	}
	for r := range s.rows {
		if s.sites[path].rows.has(r) {
			rules = append(rules, s.rows[r].rule)
		}
	}
	return slices.Compact(rules)
}
