package event

import (
	"fmt"
	"strings"
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
	count int
}

// A node is one key on the way of at least one path. Node 0 is the record.
type node struct {
	name  string  // as the path spells it
	lower string  // the same in lower case
	path  int32   // the path that ends here, -1 if none does
	any   int32   // the child for *, 0 if there is none
	next  int32   // the next node in the same slot of the parent, 0 at the end
	slots []int32 // the first child in each slot, 0 if there is none; a power of two, or empty
}

// NewPaths compiles paths. A value found at paths[i] is reported with path i;
// it is an error if a path is empty, has an empty segment, or stands twice.
func NewPaths(paths []string) (*Paths, error) {
	p := &Paths{nodes: []node{{path: -1}}, count: len(paths)}
	children := [][]int32{nil}
	for i, path := range paths {
		at := int32(0)
		for key := range strings.SplitSeq(path, ".") {
			if key == "" {
				return nil, fmt.Errorf("path %q has an empty segment", path)
			}
			child := int32(-1)
			for _, c := range children[at] {
				if p.nodes[c].lower == lower(key) {
					child = c
				}
			}
			if child < 0 {
				child = int32(len(p.nodes))
				p.nodes = append(p.nodes, node{name: key, lower: lower(key), path: -1})
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
	for at, kids := range children {
		p.index(&p.nodes[at], kids)
	}
	return p, nil
}

// index builds the slots of n, twice as many as it has children.
func (p *Paths) index(n *node, kids []int32) {
	size := 1
	for size < 2*len(kids) {
		size *= 2
	}
	for _, k := range kids {
		child := &p.nodes[k]
		if child.name == "*" {
			n.any = k
			continue
		}
		if n.slots == nil {
			n.slots = make([]int32, size)
		}
		slot := &n.slots[hash(child.lower)&uint32(size-1)]
		child.next = *slot
		*slot = k
	}
}

// hash mixes what differs most between the keys of one map. Letters count
// without their case.
func hash[T string | []byte](key T) uint32 {
	n := len(key)
	if n == 0 {
		return 0
	}
	const noCase = 0x20
	first, middle, last := uint32(key[0]|noCase), uint32(key[n/2]|noCase), uint32(key[n-1]|noCase)
	h := uint32(n)*0x9e3779b1 ^ first*0x85ebca6b ^ middle*0xc2b2ae35 ^ last*0x27d4eb2f
	return h ^ h>>15
}

// child returns the node that key leads to from n, 0 if no path goes there.
func (p *Paths) child(n *node, key []byte) int32 {
	if len(n.slots) > 0 {
		at := n.slots[hash(key)&uint32(len(n.slots)-1)]
		for ; at != 0; at = p.nodes[at].next {
			if c := &p.nodes[at]; string(key) == c.name || equalFold(key, c.lower) {
				return at
			}
		}
	}
	return n.any
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

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
