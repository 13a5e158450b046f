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
	slots []int32  // of all nodes: the first child in each slot, 0 if there is none
	count int
}

// A node is one key on the way of at least one path. Node 0 is the record. It
// fits into a line of memory.
type node struct {
	exact  print // of the key as the path spells it
	folded print
	glance uint64 // the bits of the keys of its children
	path   int32  // the path that ends here, -1 if none does
	any    int32  // the child for *, 0 if there is none
	next   int32  // the next node in the same slot of the parent, 0 at the end
	slots  int32  // where its slots begin; there is a power of two of them, or none
	dots   uint32 // the bits of the first letters of keys with dots that may lead on
	length uint16 // of the key
	shift  uint8  // what makes a slot of a hash; 0 if there are no slots
}

const _ = uint(64 - unsafe.Sizeof(node{})) // a line of memory

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
	for at, kids := range children {
		p.index(&p.nodes[at], kids)
	}
	for at, kids := range children {
		n := &p.nodes[at]
		for _, k := range kids {
			if len(children[k]) > 0 {
				n.dots |= 1 << letter(p.names[k][0])
			}
		}
		if n.any != 0 {
			n.dots = math.MaxUint32
		}
	}
	return p, nil
}

// leads reports whether a key, not empty, may lead somewhere from n.
func (n *node) leads(key []byte) bool {
	return n.glance>>glance(key)&1|uint64(n.dots>>letter(key[0]))&1 != 0
}

// glance is the bit of a key, not empty, in node.glance.
func glance[text string | []byte](key text) uint8 {
	return (letter(key[0]) ^ letter(key[len(key)-1])<<1 ^ uint8(len(key))) & 63
}

// letter is the number of a letter, whatever its case; other bytes share them.
func letter(b byte) uint8 { return b & 0x1f }

// index builds the slots of n, at least four times as many as it has children:
// most keys lead nowhere, and an empty slot says so at once.
func (p *Paths) index(n *node, kids []int32) {
	for _, k := range kids {
		child := &p.nodes[k]
		if p.names[k] == "*" {
			n.any = k
			continue
		}
		if n.shift == 0 {
			width := bits.Len(uint(4*len(kids) - 1))
			n.slots, n.shift = int32(len(p.slots)), uint8(64-width)
			p.slots = append(p.slots, make([]int32, 1<<width)...)
		}
		n.glance |= 1 << glance(p.names[k])
		slot := &p.slots[uint64(n.slots)+child.folded.hash()>>n.shift]
		child.next = *slot
		*slot = k
	}
}

// child returns the node that the key at b[i:end] leads to from n: by one step
// or, if the key has dots, by a step for each of its parts. 0 is none.
func (p *Paths) child(n *node, b []byte, i, end int) int32 {
	if n.shift == 0 {
		return n.any
	}
	var exact print // as printOf has it, without a call
	if end >= 8 && len(b)-i >= 8 {
		exact = printWithin(b, i, end)
	} else {
		exact = printOf(b, i, end)
	}
	folded := exact.fold()
	for at := p.slots[uint64(n.slots)+folded.hash()>>(n.shift&63)]; at != 0; {
		c := &p.nodes[at]
		if c.folded == folded && int(c.length) == end-i && (c.exact == exact && end-i <= 16 || equalFold(b[i:end], p.names[at])) {
			return at
		}
		at = c.next
	}
	if n.any == 0 && (exact.hasDot() || end-i > 16) {
		return p.dotted(n, b[i:end])
	}
	return n.any
}

// dotted is child for a key that may have dots and is none of n's own.
func (p *Paths) dotted(n *node, key []byte) (at int32) {
	if bytes.IndexByte(key, '.') < 0 {
		return 0
	}
	for part := range bytes.SplitSeq(key, []byte{'.'}) {
		if at = p.child(n, part, 0, len(part)); at == 0 {
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

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
