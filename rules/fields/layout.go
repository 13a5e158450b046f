package fields

// A Layout is what events have in common that have the same values, but for the
// texts of some. Who reads such an event may leave a plan for the next ones: their
// Fields are Planned then, and until they are completed have the texts that the
// plan wants, in that order, and nothing else. A reader that takes its plan away does
// so before it completes Fields. One goroutine uses a Layout at a time.
type Layout struct {
	Plan   any     // the reader's own, nil if there is none
	Wanted []int32 // the values whose texts it wants, by their numbers in Free
	Free   []bool  // by value: the texts differ
	Tried  bool    // the reader has looked whether there is a plan
}
