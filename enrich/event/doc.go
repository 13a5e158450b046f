// Package event reads and changes Fluent Bit's log events where they lie: as
// msgpack bytes in a chunk, without decoding them.
//
// A [Scanner] goes through the events of a chunk once, notes the values that stand
// at a set of [Paths], and steps over everything else. It remembers how events are
// laid out, and walks those alone that are new to it. [Splice] then writes a chunk
// in which some records have more fields. Neither knows what the fields mean; that
// is the work of the packages above.
//
// The one invariant: bytes that are not part of an [Edit] are copied, never
// encoded anew, so what nobody changed comes out as it came in. Bytes that are
// not msgpack end the scan and are left alone.
package event
