package chaos

import (
	"bytes"
	"fmt"
	"sync"
	"time"
)

// A ledger holds what has to become of every alert. It may be used concurrently.
type ledger struct {
	mu       sync.Mutex
	next     int
	sent     map[string]*entry // not come out
	due      map[string]*entry // came out, and MISP knows something of it
	hits     int               // in the alert itself
	late     int               // later
	unknown  int               // alerts that said so
	alerts   int               // that came out
	lastAt   time.Time         // that the last late hit says
	again    bool              // whether a late hit may come twice
	twice    bool              // whether an alert may
	early    map[string]bool   // had their late hit before they came out themselves, from a buffer
	finished map[string]bool   // had their hit, if again is not set
	problems []string
}

// An entry is one alert.
type entry struct {
	event  []byte
	listed bool
	out    time.Time
}

func newLedger() *ledger {
	return &ledger{sent: map[string]*entry{}, due: map[string]*entry{}, finished: map[string]bool{}, early: map[string]bool{}}
}

// chunk makes alerts, of which as many are listed as in every third.
func (l *ledger) chunk(n int, listed bool) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	var chunk []byte
	for range n {
		l.next++
		id := fmt.Sprintf("1769900000.%d", l.next)
		e := &entry{listed: listed && l.next%3 != 1}
		e.event = alert(id, l.next, e.listed)
		l.sent[id] = e
		chunk = append(chunk, e.event...)
	}
	return chunk
}

func (l *ledger) problem(format string, args ...any) {
	if len(l.problems) < 20 {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// came checks what came out for a chunk.
func (l *ledger) came(sent, got []byte) {
	records, err := parse(got)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.problem("%x came out: %v", got, err)
		return
	}
	for _, r := range records {
		if len(sent) == 0 {
			l.lateHit(r)
			continue
		}
		if !bytes.HasPrefix(sent, r.before) {
			l.problem("the alert %q came out as\n%q, in a chunk with still\n%q", r.id, r.before, sent)
			return
		}
		sent = sent[len(r.before):]
		l.alert(r)
	}
	if len(sent) > 0 {
		l.problem("of a chunk is lost\n%q", sent)
	}
}

// arrived checks what came out of a pipe that does not keep chunks together.
func (l *ledger) arrived(got []byte) {
	records, err := parse(got)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.problem("%x arrived: %v", got, err)
		return
	}
	for _, r := range records {
		if r.verdict == "late_hit" {
			l.lateHit(r)
			continue
		}
		if e := l.sent[r.id]; e != nil && !bytes.Equal(e.event, r.before) {
			l.problem("the alert %q came out as\n%q, it was\n%q", r.id, r.before, e.event)
		}
		l.alert(r)
	}
}

func (l *ledger) alert(r record) {
	e := l.sent[r.id]
	if e == nil {
		if !l.twice {
			l.problem("the alert %q came out twice", r.id)
		}
		return
	}
	delete(l.sent, r.id)
	l.alerts++
	switch r.verdict {
	case "hit":
		l.hits++
		if !e.listed {
			l.problem("the alert %q is not listed, yet a hit", r.id)
		}
		if !l.again {
			l.finished[r.id] = true
		}
	case "unknown":
		l.unknown++
		if e.listed && !l.early[r.id] {
			e.out = time.Now()
			l.due[r.id] = e
		}
	case "":
		if e.listed {
			l.problem("the alert %q is listed, yet came out as clean", r.id)
		}
	default:
		l.problem("the alert %q has the verdict %q", r.id, r.verdict)
	}
}

func (l *ledger) lateHit(r record) {
	if r.verdict != "late_hit" {
		l.problem("a record with the verdict %q came too much: %q", r.verdict, r.before)
		return
	}
	l.late++
	l.lastAt = r.at
	switch {
	case l.due[r.id] != nil:
		delete(l.due, r.id)
		if !l.again {
			l.finished[r.id] = true
		}
	case l.sent[r.id] != nil && (l.twice || l.sent[r.id].listed):
		// It is asked for again as soon as it is stored, so the late hit can go
		// out with a chunk of another thread before the alert itself does.
		l.early[r.id] = true
	case l.again:
	case l.finished[r.id]:
		l.problem("a late hit came for the alert %q, which had one", r.id)
	default:
		l.problem("a late hit came for the alert %q, which is not listed", r.id)
	}
}

// open returns how many alerts have not come out, and how many have no hit yet.
func (l *ledger) open() (sent, due int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent), len(l.due)
}

// waits reports whether an alert came out that is to have a late hit.
func (l *ledger) waits() bool {
	_, due := l.open()
	return due > 0
}

// lost returns the alerts that did not come out, which can be sent again, as
// Fluent Bit does after its end.
func (l *ledger) lost() (events [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.sent {
		events = append(events, e.event)
	}
	return events
}

// lastLate returns the time that the last late hit says.
func (l *ledger) lastLate() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastAt
}

func (l *ledger) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d alerts, %d hits, %d unknown, %d late hits", l.alerts, l.hits, l.unknown, l.late)
}
