package pending

import "time"

// ages remember when entries were put: when a number was the next one, to the
// second, and more coarsely when that has been going on for long. What is done
// is forgotten. The zero value has none.
type ages struct {
	list []age
	step time.Duration // between two of them
}

type age struct {
	number uint64
	at     time.Time
}

const maxAges = 1024

// put notes that the entries from number on are put at a time.
func (a *ages) put(number uint64, at time.Time) {
	n := len(a.list)
	if n == 0 {
		a.step = time.Second
	} else if at.Sub(a.list[n-1].at) < a.step {
		return
	}
	if n == maxAges { // every other one: entries pass for older, never for younger
		a.step *= 2
		for i := range n / 2 {
			a.list[i] = a.list[2*i]
		}
		a.list = a.list[:n/2]
	}
	a.list = append(a.list, age{number, at})
}

// since returns when the entry of a number was put, if it was, and forgets those
// before it.
func (a *ages) since(number uint64) time.Time {
	n := 0
	for n+1 < len(a.list) && a.list[n+1].number <= number {
		n++
	}
	a.list = a.list[n:]
	if len(a.list) == 0 {
		return time.Time{}
	}
	return a.list[0].at
}
