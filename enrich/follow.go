package enrich

import (
	"context"
	"math/rand/v2"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/ioc"
)

// An openAlert is an alert of the queue that is worked on.
type openAlert struct {
	number     uint64
	last       uint64 // of what is done with it: itself, and what is no alert behind it
	alert      alert
	indicators []ioc.Indicator
	answers    []misp.Answer
}

// answered returns how many indicators are answered.
func (a *openAlert) answered() (n int) {
	for _, answer := range a.answers {
		if answer.Final() {
			n++
		}
	}
	return n
}

// run works the queue off, until the follower is closed.
func (f *follower) run() {
	for pause := firstPause; f.ctx.Err() == nil; {
		if len(f.todo) == 0 && !f.read() {
			select {
			case <-f.queue.Ready():
			case <-f.ctx.Done():
			}
			continue
		}
		for f.away() && f.ctx.Err() == nil {
			f.sleep(firstPause)
		}
		switch finished, answered := f.step(); {
		case finished:
			pause = firstPause
		case answered:
			f.sleep(firstPause)
		default:
			f.sleep(pause - rand.N(pause/4))
			pause = min(2*pause, longestPause)
		}
	}
}

// caught goes on behind a defect, with each alert alone. One that alone meets with a
// defect is given up.
func (f *follower) caught() {
	if f.together == 1 && len(f.todo) > 0 {
		f.outbox.finish(f.todo[0].last, nil)
		f.todo = f.todo[1:]
	}
	f.together = 1
}

// read takes some more out of the queue, and reports whether there was anything.
func (f *follower) read() bool {
	entries := f.queue.Next(maxFollowed)
	for _, entry := range entries {
		a, indicators, ok := decodeAlert(entry.Data)
		switch {
		case ok:
			f.todo = append(f.todo, openAlert{entry.Number, entry.Number, a, indicators, make([]misp.Answer, len(indicators))})
		case len(f.todo) > 0: // it is not done before those in front of it
			f.todo[len(f.todo)-1].last = entry.Number
		default:
			f.outbox.finish(entry.Number, nil)
		}
	}
	return len(entries) > 0
}

// step asks for the indicators of some alerts, and finishes what it can if MISP
// answers. The others in front of that go back to the end of the queue, as an alert
// is done with all before it.
func (f *follower) step() (finished, answered bool) {
	asked, end := f.choose()
	for len(asked) == 0 && len(f.todo) < maxTodo && f.read() {
		asked, end = f.choose()
	}
	answered = f.ask(asked)
	together := min(2*f.together, maxFollowed)
	for _, a := range asked {
		switch n := a.answered(); {
		case n == 0:
			a.alert.Partly = 0
			together = 1 // it may be a single value that MISP cannot cope with
		case n < len(a.answers) && a.alert.Partly == 0:
			a.alert.Partly = time.Now().UnixMilli()
		}
		finished = finished || f.finishes(a)
	}
	idle := len(asked) == 0
	if idle {
		together = 1
	}
	if idle || answered && end == len(f.todo) {
		clear(f.failed) // all others have had their turn
	}
	if finished || answered || idle && len(f.todo) >= maxTodo && f.outbox.empty() {
		for ; end > 0 && f.ctx.Err() == nil; end-- { // what is behind a late hit that is not handed over is not done
			f.settle(&f.todo[0])
			f.todo = f.todo[1:]
		}
	}
	f.together = together
	return finished, answered
}

// choose returns as many alerts as are asked for together, and where in todo the last
// of them ends.
func (f *follower) choose() (asked []*openAlert, end int) {
	for ; end < len(f.todo) && len(asked) < f.together; end++ {
		if a := &f.todo[end]; !f.rests(a) {
			asked = append(asked, a)
		}
	}
	return asked, end
}

// rests reports whether there is nothing to ask for an alert and nothing to say of
// it, because MISP failed at some indicators a moment ago, and others have their turn.
func (f *follower) rests(a *openAlert) bool {
	answered := 0
	for _, indicator := range a.indicators {
		answer, left, _ := f.cache.Held(indicator)
		switch {
		case left == 0 && !f.failed[indicator.Key()]:
			return false
		case left > 0 && answer.Final():
			answered++
		}
	}
	return answered == 0 || answered < len(a.indicators) && a.alert.Partly != 0 && !f.inParts(a)
}

// ask asks for the indicators of some alerts that are not in the cache, together or
// if there is one alert at a time one by one, until MISP fails. It reports whether
// MISP has answered.
func (f *follower) ask(some []*openAlert) (answered bool) {
	var indicators []ioc.Indicator
	var places []*misp.Answer
	for _, a := range some {
		f.cache.Peek(a.indicators, a.answers)
		for i, indicator := range a.indicators {
			if a.answers[i] == (misp.Answer{}) && !f.failed[indicator.Key()] {
				indicators, places = append(indicators, indicator), append(places, &a.answers[i])
			}
		}
	}
	n := len(indicators)
	if f.together == 1 {
		n = 1
	}
	for failed := false; !failed && len(indicators) > 0; indicators, places = indicators[n:], places[n:] {
		answers := make([]misp.Answer, n)
		f.lookUp(indicators[:n], answers)
		failed = true
		for i := range answers {
			*places[i] = answers[i]
			failed = failed && !answers[i].Final()
		}
		if failed && n == 1 {
			f.failed[indicators[0].Key()] = true
		}
		answered = answered || !failed
	}
	return answered
}

func (f *follower) lookUp(indicators []ioc.Indicator, answers []misp.Answer) {
	ctx, cancel := context.WithTimeout(f.ctx, askFor)
	defer cancel()
	f.cache.Lookup(ctx, indicators, answers)
}

// settle finishes an alert if it can, and puts it back otherwise.
func (f *follower) settle(a *openAlert) {
	if f.finishes(a) {
		f.finish(a)
		return
	}
	f.queue.Put(f.ctx, a.alert.encode())
	f.outbox.finish(a.last, nil)
}

// finishes reports whether all indicators of an alert are answered, or some and it
// does not wait for the others any longer.
func (f *follower) finishes(a *openAlert) bool {
	answered := a.answered()
	return answered == len(a.answers) || answered > 0 && f.inParts(a)
}

// inParts reports whether an alert of which MISP has answered a part is to be
// finished so. What failed before that part was answered has been asked for again
// by then: MISP can be asked, but not for all of it.
func (f *follower) inParts(a *openAlert) bool {
	if a.alert.Partly == 0 {
		return false
	}
	waited := time.Since(time.UnixMilli(a.alert.Partly))
	return waited < 0 || waited > f.cache.ErrorTTL() // the clock was set back
}
