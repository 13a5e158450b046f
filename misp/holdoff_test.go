package misp

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// A clock is set by hand.
type clock struct {
	mu   sync.Mutex
	time time.Time
	off  time.Duration // by how much the clock on the wall differs
}

func newClock() *clock { return &clock{time: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return stepped(c.time, c.off)
}

// step sets the clock on the wall, as an administrator does it. No more and no
// less time passes by that.
func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// stepped changes what a time from time.Now says of the clock on the wall, in
// whole seconds, and not what it says of the time that passes.
func stepped(t time.Time, d time.Duration) time.Time {
	layout := (*struct {
		wall uint64 // from bit 30 on, seconds
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&t))
	layout.wall += uint64(d/time.Second) << 30
	return t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// A logBook keeps the lines that were logged.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// take returns the lines since the last take.
func (l *logBook) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}

func TestHoldoffPauses(t *testing.T) {
	const s = time.Second
	tests := []struct {
		err      *Error
		failures int
		min, max time.Duration
	}{
		{&Error{Reason: Forbidden}, 1, 60 * s, 60 * s},
		{&Error{Reason: Forbidden}, 9, 60 * s, 60 * s},
		{&Error{Reason: RateLimited, RetryAfter: 7 * s}, 1, 7 * s, 7 * s},
		{&Error{Reason: RateLimited, RetryAfter: 24 * time.Hour}, 1, 900 * s, 900 * s},
		{&Error{Reason: RateLimited}, 3, 60 * s, 60 * s},
		{&Error{Reason: Unreachable}, 1, 750 * time.Millisecond, 1 * s},
		{&Error{Reason: Timeout}, 2, 1500 * time.Millisecond, 2 * s},
		{&Error{Reason: ServerError}, 5, 12 * s, 16 * s},
		{&Error{Reason: BadAnswer}, 6, 22500 * time.Millisecond, 30 * s},
		{&Error{Reason: BadAnswer}, 1000, 22500 * time.Millisecond, 30 * s},
	}
	for _, tt := range tests {
		for range 100 {
			if d := pause(tt.err, tt.failures); d < tt.min || d > tt.max {
				t.Errorf("%s after %d failures: %v, want %v to %v", tt.err.Reason, tt.failures, d, tt.min, tt.max)
			}
		}
	}
}

func TestHoldoffProbes(t *testing.T) {
	clock := newClock()
	h := &holdoff{name: "m", log: slog.New(slog.DiscardHandler), now: clock.now}
	down := &Error{Reason: ServerError, Problem: "500"}

	first, err := h.enter()
	second, err2 := h.enter()
	if err != nil || err2 != nil {
		t.Fatalf("held off at the start: %v, %v", err, err2)
	}
	h.leave(first, down)
	h.leave(second, down) // was under way; counts once with the first
	if h.failures != 1 {
		t.Errorf("%d failures, want 1: both set out together", h.failures)
	}
	if _, err := h.enter(); err != down {
		t.Errorf("at once: %v, want %v", err, down)
	}

	clock.add(time.Second)
	probe, err := h.enter()
	if err != nil {
		t.Fatalf("no probe after a second: %v", err)
	}
	if _, err := h.enter(); err != down {
		t.Error("two probes at a time")
	}
	h.cancel(probe)
	probe, err = h.enter()
	if err != nil {
		t.Fatalf("no probe after one was cancelled: %v", err)
	}
	h.leave(probe, down)
	clock.add(time.Second)
	if _, err := h.enter(); err != down {
		t.Error("the second failure pauses no longer than the first")
	}
	clock.add(time.Second)
	if probe, err = h.enter(); err != nil {
		t.Fatalf("no probe after two more seconds: %v", err)
	}
	h.leave(probe, nil)
	for range 3 {
		if _, err := h.enter(); err != nil {
			t.Errorf("held off though MISP answers: %v", err)
		}
	}
}

// TestHoldoffNeedsRepeatedFailures: what may be over with the next request
// must happen again and again, without success in between.
func TestHoldoffNeedsRepeatedFailures(t *testing.T) {
	book := &logBook{}
	clock := newClock()
	h := &holdoff{name: "m", log: book.logger(), now: clock.now}
	passing, lasting := &Error{Reason: ServerError, transient: true}, &Error{Reason: Forbidden}
	for _, tt := range []struct {
		failures []*Error
		held     bool
	}{
		{[]*Error{passing, passing}, false},
		{[]*Error{nil, passing, passing}, false},
		{[]*Error{passing}, true},
		{[]*Error{nil, lasting}, true},
		{[]*Error{nil, passing, lasting}, true},
	} {
		clock.add(logEvery)
		for _, err := range tt.failures {
			h.leave(pass{probe: h.open()}, err)
		}
		if held := h.held() != nil; held != tt.held || held != h.open() || (book.take() != "") != held {
			t.Errorf("%v: held %v, open %v", tt.failures, held, h.open())
		}
		if tt.held {
			h.leave(pass{probe: true}, nil)
			book.take()
		}
	}
}

func TestHoldoffLogsChanges(t *testing.T) {
	clock, book := newClock(), &logBook{}
	h := &holdoff{name: "https://misp.example", log: book.logger(), now: clock.now}
	fail := func(err *Error) {
		t.Helper()
		pass, held := h.enter()
		if held != nil {
			t.Fatal(held)
		}
		h.leave(pass, err)
	}
	down := &Error{Reason: Unreachable, URL: h.name, Problem: "connection refused", Advice: "see whether MISP is up"}
	slow := &Error{Reason: Timeout, URL: h.name, Problem: "no answer"}
	const downLine = "level=ERROR msg=\"MISP at https://misp.example: connection refused: see whether MISP is up\"\n"
	const slowLine = "level=ERROR msg=\"MISP at https://misp.example: no answer\"\n"

	fail(nil)
	if got := book.take(); got != "" {
		t.Errorf("logged while all is well: %s", got)
	}
	fail(down)
	if got := book.take(); got != downLine {
		t.Errorf("got  %s want %s", got, downLine)
	}
	for i := range 19 { // 19 x 31 s is less than 10 minutes
		clock.add(31 * time.Second)
		want := ""
		if i == 3 {
			fail(slow)
			want = slowLine
		} else {
			fail(down)
		}
		if got := book.take(); got != want {
			t.Errorf("failure %d: got %q, want %q", i, got, want)
		}
	}
	clock.add(31 * time.Second)
	fail(down)
	if got := book.take(); got != downLine {
		t.Errorf("after 10 minutes: got %q", got)
	}
	clock.add(92 * time.Second)
	fail(nil)
	want := fmt.Sprintf("level=INFO msg=\"MISP at https://misp.example answers again after %v\"\n", 712*time.Second)
	if got := book.take(); got != want {
		t.Errorf("got  %s want %s", got, want)
	}
	clock.add(31 * time.Second)
	for i := range 10 { // the last such line is 123 s old, that of slow more than 10 minutes
		want := ""
		if i == 0 {
			want = slowLine
			fail(slow)
		} else {
			fail(down)
		}
		if got := book.take(); got != want {
			t.Errorf("it comes and goes, failure %d: got %q, want %q", i, got, want)
		}
		clock.add(31 * time.Second)
		fail(nil)
		if got := book.take(); (got != "") != (i == 0) {
			t.Errorf("it comes and goes, answer %d: got %q", i, got)
		}
	}
	clock.add(logEvery)
	fail(down)
	if got := book.take(); got != downLine {
		t.Errorf("the next time it is down: got %q", got)
	}
}

// What is to be mended in another way is another line, also if the reason is the
// same and the log had one a moment ago.
func TestHoldoffLogsEachProblem(t *testing.T) {
	clock, book := newClock(), &logBook{}
	h := &holdoff{name: "m", log: book.logger(), now: clock.now}
	for _, err := range []*Error{
		{Reason: BadAnswer, Problem: "302, a redirect", Advice: "see whether MISP is in maintenance"},
		{Reason: BadAnswer, Problem: "its answer is cut off", Advice: adviseServer},
		{Reason: BadAnswer, Problem: "its answer is a page", Advice: adviseURL},
	} {
		h.leave(pass{probe: h.open()}, err)
		if got := book.take(); !strings.Contains(got, err.Problem) {
			t.Errorf("%s: logged %q", err.Problem, got)
		}
		clock.add(time.Minute)
		h.leave(pass{probe: true}, nil)
		if got := book.take(); !strings.Contains(got, "answers again") {
			t.Errorf("%s is over: logged %q", err.Problem, got)
		}
	}
}
