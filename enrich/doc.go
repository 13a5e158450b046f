// Package enrich is the engine of the plugin: a chunk of log events goes in,
// and comes out with what MISP knows of the indicators in it.
//
// An [Engine] scans each event in place (package event), asks the rules what
// of it is to be looked up (package rules), asks for all indicators of the
// chunk together (package misp), and splices fields into the records that need
// some. It knows neither C nor Fluent Bit.
//
// A chunk waits for its answers only so long. What is not answered by then is
// stored (package pending) and asked for again, and if it turns out to be known
// a late hit, a record of its own, goes out with a later chunk.
//
// The one invariant: a record is either as it came in or has more fields. No
// answer, no failure and no odd record loses, changes or doubles an event.
package enrich
