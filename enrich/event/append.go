package event

import "encoding/binary"

// AppendString appends s to dst as msgpack.
func AppendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n < 1<<5:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, s...)
}

// AppendInt appends n to dst as msgpack, in as few bytes as it takes.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case -1<<5 <= n && n < 1<<7:
		return append(dst, byte(n))
	case 0 <= n && n < 1<<8:
		return append(dst, 0xcc, byte(n))
	case 0 <= n && n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
	case 0 <= n && n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
	case -1<<7 <= n && n < 0:
		return append(dst, 0xd0, byte(n))
	case -1<<15 <= n && n < 0:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(n))
	case -1<<31 <= n && n < 0:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(n))
	case n < 0:
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), uint64(n))
}

// AppendBool appends b to dst as msgpack.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

// AppendArray appends the header of an array of n values to dst.
func AppendArray(dst []byte, n int) []byte { return appendHeader(dst, 0x90, 0xdc, n) }

// appendHeader appends the header of a map or an array of n, given its format
// for up to 15 elements and the one with a length of 16 bits.
func appendHeader(dst []byte, short, long byte, n int) []byte {
	switch {
	case n < 1<<4:
		return append(dst, short|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, long+1), uint32(n))
}
