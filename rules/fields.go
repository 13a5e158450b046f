package rules

// Fields are the values of one event at the paths that a Set names
// ([Set.Paths]); a path is told by its index there. The values stand in the
// order of the event, and one path can have several (an array) or none.
//
// Text is a view that is valid while the event is: a string as it is, another
// scalar as JSON writes it, nil for a map. A null is no value.
type Fields interface {
	Len() int           // how many values there are
	Path(i int) int     // the path of value i
	Text(i int) []byte  // the text of value i
	First(path int) int // the first value at path, -1 if there is none; lost when the next event is read
	Next(i int) int     // the next value at the same path as i, -1 after the last
}
