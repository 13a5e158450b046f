package pending

import (
	"encoding/binary"
	"hash/crc32"
)

// An Entry is a byte string in a [Queue], with its number: entries have
// ascending numbers in the order in which they were put.
type Entry struct {
	Number uint64
	Data   []byte
}

// In a file, an entry is a record: the magic, the length of the data, a
// checksum of number and data, the number, the data; numbers in big endian.
const (
	magic    = 0xf5a7910d
	headSize = 20
)

// MaxEntry is the longest that an entry may be, in bytes.
const MaxEntry = 256 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(dst []byte, e Entry) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, magic)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Data)))
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, e.Number)
	dst = append(dst, e.Data...)
	binary.BigEndian.PutUint32(dst[start+8:], crc32.Checksum(dst[start+12:], castagnoli))
	return dst
}

// record reads the record at the beginning of b. The data is a view.
func record(b []byte) (e Entry, size int, ok bool) {
	if len(b) < headSize || binary.BigEndian.Uint32(b) != magic {
		return Entry{}, 0, false
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length > MaxEntry || int(length) > len(b)-headSize {
		return Entry{}, 0, false
	}
	size = headSize + int(length)
	if crc32.Checksum(b[12:size], castagnoli) != binary.BigEndian.Uint32(b[8:]) {
		return Entry{}, 0, false
	}
	return Entry{Number: binary.BigEndian.Uint64(b[12:]), Data: b[headSize:size:size]}, size, true
}

// records returns the records in b, views of it, and how many bytes belong to
// none: what is damaged is stepped over.
func records(b []byte) (entries []Entry, damaged int) {
	for len(b) > 0 {
		e, size, ok := record(b)
		if !ok {
			damaged++
			b = b[1:]
			continue
		}
		entries = append(entries, e)
		b = b[size:]
	}
	return entries, damaged
}
