package event

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unsafe"
)

// Paths is a set of field paths, compiled into a tree that a [Scanner] walks
// beside a record. It is immutable and may be used concurrently.
//
// A path is the keys from the record down, joined by dots:
// data.win.eventdata.hashes. Keys match regardless of ASCII case, as they do
// in Wazuh. The segment * matches any key. Arrays have no segment of their
// own: a path goes through them, at any level, to every element. A key that
// contains dots is taken for the keys that it joins.
type Paths struct {
	nodes []node
	names []string // of the nodes, in lower case
	count int
}

// A node is one key on the way of at least one path. Node 0 is the record. It
// fits into a line of memory.
type node struct {
	exact  print // of the key as the path spells it
	folded print
	fan    *fan
	path   int32  // the path that ends here, -1 if none does
	next   int32  // the next node in the same slot of the parent, 0 at the end
	length uint16 // of the key
}

const _ = uint(64 - unsafe.Sizeof(node{})) // a line of memory

// A fan is the ways on from a node. Most keys lead nowhere, and their length and
// first letter nearly always say so.
type fan struct {
	letters [spans]uint32 // by the length of a key: the first letters of those that may lead on
	slots   []int32       // a power of two: the first child in each, 0 if there is none
	any     int32         // the child for *, 0 if there is none
}

// spans is how many lengths of keys are told apart: a longer key counts as one
// of the longest of them, which is that of the longest short string.
const spans = 32

// NewPaths compiles paths. A value found at paths[i] is reported with path i;
// it is an error if a path is empty, has an empty segment, or stands twice.
func NewPaths(paths []string) (*Paths, error) {
	p := &Paths{nodes: []node{{path: -1}}, names: []string{""}, count: len(paths)}
	children := [][]int32{nil}
	for i, path := range paths {
		at := int32(0)
		for key := range strings.SplitSeq(path, ".") {
			if key == "" {
				return nil, fmt.Errorf("path %q has an empty segment", path)
			}
			if len(key) > math.MaxUint16 {
				return nil, fmt.Errorf("path %.20q... has a segment of more than %d bytes", path, math.MaxUint16)
			}
			child := int32(-1)
			for _, c := range children[at] {
				if p.names[c] == lower(key) {
					child = c
				}
			}
			if child < 0 {
				child = int32(len(p.nodes))
				spelled := printOf([]byte(key), 0, len(key))
				p.nodes = append(p.nodes, node{exact: spelled, folded: spelled.fold(), length: uint16(len(key)), path: -1})
				p.names = append(p.names, lower(key))
				children = append(children, nil)
				children[at] = append(children[at], child)
			}
			at = child
		}
		if p.nodes[at].path >= 0 {
			return nil, fmt.Errorf("path %q stands twice", path)
		}
		p.nodes[at].path = int32(i)
	}
	leaf := &fan{slots: make([]int32, 1)}
	for at := range children {
		if p.nodes[at].fan = leaf; len(children[at]) > 0 {
			p.nodes[at].fan = p.fanOut(children, at)
		}
	}
	return p, nil
}

// spanOf returns as what a key of a length counts.
func spanOf(length int) byte { return byte(min(length, spans-1)) }

// leads reports whether a key that begins with c may lead somewhere from n; span
// is what spanOf has for it.
func (n *node) leads(span, c byte) bool { return n.fan.letters[span%spans]>>letter(c)&1 != 0 }

// letter is the number of a letter, whatever its case; other bytes share them.
func letter(c byte) byte { return c & 0x1f }

// slot returns where the children are that have keys like that.
func (f *fan) slot(span, c byte) *int32 {
	return &f.slots[int(span^letter(c)*5)&(len(f.slots)-1)]
}

// fanOut returns the fan of a node.
func (p *Paths) fanOut(children [][]int32, node int) *fan {
	f := &fan{slots: make([]int32, 1<<bits.Len(uint(2*len(children[node]))))}
	for _, k := range children[node] {
		name, child := p.names[k], &p.nodes[k]
		if name == "*" {
			f.any = k
			for span := range f.letters {
				f.letters[span] = math.MaxUint32
			}
			continue
		}
		span := spanOf(len(name))
		slot := f.slot(span, name[0])
		child.next, *slot = *slot, k
		f.letters[span] |= 1 << letter(name[0])
		if len(children[k]) > 0 { // also a key that goes on behind a dot
			for longer := int(span); longer < spans; longer++ {
				f.letters[longer] |= 1 << letter(name[0])
			}
		}
	}
	return f
}

// child returns the node that the key at b[i:end], which is not empty, leads to
// from n: by one step or, if the key has dots, by a step for each of its parts. 0
// is none.
func (p *Paths) child(n *node, b []byte, i, end int) int32 {
	var exact print // as printOf has it, without a call
	if end >= 8 && len(b)-i >= 8 {
		exact = printWithin(b, i, end)
	} else {
		exact = printOf(b, i, end)
	}
	for at := *n.fan.slot(spanOf(end-i), b[i]); at != 0; {
		c := &p.nodes[at]
		if int(c.length) == end-i && (c.exact == exact && end-i <= 16 || c.folded == exact.fold() && equalFold(b[i:end], p.names[at])) {
			return at
		}
		at = c.next
	}
	if n.fan.any == 0 && (exact.hasDot() || end-i > 16) {
		return p.dotted(n, b[i:end])
	}
	return n.fan.any
}

// dotted is child for a key that may have dots and is none of n's own.
func (p *Paths) dotted(n *node, key []byte) (at int32) {
	if bytes.IndexByte(key, '.') < 0 {
		return 0
	}
	for part := range bytes.SplitSeq(key, []byte{'.'}) {
		if len(part) == 0 {
			at = n.fan.any
		} else {
			at = p.child(n, part, 0, len(part))
		}
		if at == 0 {
			return 0
		}
		n = &p.nodes[at]
	}
	return at
}

// equalFold reports whether key is lower when its ASCII letters are.
func equalFold(key []byte, lower string) bool {
	if len(key) != len(lower) {
		return false
	}
	for i, c := range key {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// lower returns s with its ASCII letters in lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
