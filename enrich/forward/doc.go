// Package forward sends chunks of log events to a Fluent Bit elsewhere, by
// version 1 of the Forward protocol. It knows nothing of what is in them.
//
// A chunk goes as one message, [tag, chunk, options], with an id that the
// target returns when it has the chunk:
//
//	sender                          target
//	   |  <- ["HELO", {nonce}]         |  only where there is a shared key
//	   |  ["PING", name, proof] ->     |
//	   |  <- ["PONG", true, proof]     |
//	   |  [tag, chunk, {chunk: id}] -> |
//	   |  <- {ack: id}                 |
//
// Its one invariant: a chunk counts as delivered when a target has said so, and
// not before. A target that says nothing may have the chunk even so, and will
// then get it twice: at least once is what the protocol can give.
package forward
