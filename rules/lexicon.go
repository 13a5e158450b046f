package rules

import (
	"encoding/binary"
	"math/bits"
)

// A lexicon has the rows that hold for each of some words. It is asked for every
// group of every event, nearly always for a word that it does not have, which an
// empty slot says at once. Letters count without their ASCII case.
type lexicon struct {
	slots []lexeme // a power of two, at least four for each word
	shift int      // what makes a slot of a hash
}

type lexeme struct {
	word string // in lower case
	rows bitset // nil if the slot is empty
}

func newLexicon(words map[string]bitset) lexicon {
	width := bits.Len(uint(4*len(words) - 1))
	l := lexicon{make([]lexeme, 1<<width), 64 - width}
	for word, rows := range words {
		*l.find([]byte(word)) = lexeme{word, rows}
	}
	return l
}

// rows returns the rows of a word, nil if it has none.
func (l *lexicon) rows(word []byte) bitset { return l.find(word).rows }

// find returns the slot of a word, or the empty one in which it would be.
func (l *lexicon) find(word []byte) *lexeme {
	for i := int(hashFold(word) >> l.shift); ; i++ {
		if e := &l.slots[i&(len(l.slots)-1)]; e.rows == nil || foldsTo(word, e.word) {
			return e
		}
	}
}

// hashFold is a hash of the length and the ends of a text, in which letters
// count without their case; the upper bits are the better ones.
func hashFold(text []byte) uint64 {
	var head, tail uint64
	switch n := len(text); {
	case n >= 8:
		head, tail = binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[n-8:])
	case n >= 4:
		head, tail = uint64(binary.LittleEndian.Uint32(text)), uint64(binary.LittleEndian.Uint32(text[n-4:]))
	case n > 0:
		head, tail = uint64(text[0]), uint64(text[n/2])<<8|uint64(text[n-1])
	}
	const noCase = 0x2020202020202020
	head, tail = head|noCase, tail|noCase
	return (head ^ bits.RotateLeft64(tail, 29) ^ uint64(len(text))<<56) * 0x9e3779b97f4a7c15
}
