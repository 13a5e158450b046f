package enrich

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/file"
	"fluent-bit-misp/misp/ioc"
)

// A control is the socket by which an engine that runs is told to forget what
// its cache knows, or says what that is. Who may open the directory of the queue
// may connect.
//
// A request is one value to be forgotten a line, or a line "*" for all of them,
// and ends when the client ends writing. A line of "?", a kind and a value asks
// for what is held. The answer is a line of JSON for each of these, and a last
// line with "ok", or what is wrong.
type control struct {
	listener net.Listener
	cache    *misp.Cache
	guard    *guard
	dir      *os.File
	running  sync.WaitGroup

	mu     sync.Mutex
	conn   net.Conn // the one that is served
	closed bool
}

const (
	controlName = "control"
	controlAll  = "*"
	controlPeek = "?" // of an indicator, kind and value behind it
	controlOK   = "ok"
	controlWait = 5 * time.Second // for one request
	controlMost = 1 << 20         // bytes of one request
)

// listen listens in a directory that the caller has for itself.
func listen(dir string, cache *misp.Cache, guard *guard) (*control, error) {
	c := &control{cache: cache, guard: guard}
	var err error
	if c.dir, err = os.Open(dir); err != nil {
		return nil, err
	}
	_ = os.Remove(filepath.Join(dir, controlName)) // a process that was killed has left it
	if c.listener, err = net.Listen("unix", socketIn(c.dir)); err == nil {
		err = os.Chmod(filepath.Join(dir, controlName), 0o600)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	c.running.Go(c.serve)
	return c, nil
}

// socketIn returns a short path to the socket in an open directory: the path of
// a socket may have about 100 characters only.
func socketIn(dir *os.File) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), controlName) }

func (c *control) close() {
	if c.listener != nil {
		c.listener.Close()
		c.serves(nil)
	}
	within(closeWithin, c.running.Wait)
	c.dir.Close()
}

// serves notes which connection is served, none at the end, and returns false
// if there is to be no more.
func (c *control) serves(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if conn == nil && c.conn != nil {
		c.conn.Close()
	}
	c.closed = c.closed || conn == nil
	c.conn = conn
	return !c.closed
}

// serve serves one connection at a time.
func (c *control) serve() {
	for {
		conn, err := c.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // there are too many open files
			continue
		}
		if c.serves(conn) {
			c.guard.run("a request of mispctl", func() {
				_ = conn.SetDeadline(time.Now().Add(controlWait))
				fmt.Fprintln(conn, c.answer(conn))
			})
		}
		conn.Close()
	}
}

// answer reads a request, does it, and returns the answer.
func (c *control) answer(r io.Reader) (answer string) {
	var held strings.Builder
	lines := bufio.NewScanner(io.LimitReader(r, controlMost))
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		value := lines.Text()
		if value == controlAll {
			c.cache.PurgeAll()
			continue
		}
		if asked, ok := strings.CutPrefix(value, controlPeek); ok {
			held.WriteString(c.peek(asked) + "\n")
			continue
		}
		// It is whatever kind it can be, so that nobody need say.
		for _, kind := range ioc.Kinds() {
			if indicator, reason := ioc.Normalize(kind, value); reason == ioc.OK {
				c.cache.Purge(indicator)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err.Error()
	}
	return held.String() + controlOK
}

// Purge tells the engines that keep their queues below storagePath to forget
// what their caches know of some values, or of all if there are none. It
// returns how many engines did.
func Purge(storagePath string, values ...string) (engines int, err error) {
	if len(values) == 0 {
		values = []string{controlAll}
	}
	err = eachEngine(storagePath, values, func(string, string) error { engines++; return nil })
	return engines, err
}

// eachEngine sends a request to each engine that runs below storagePath, and
// calls done with the name of its queue and its answer, without the last line.
func eachEngine(storagePath string, lines []string, done func(queue, answer string) error) error {
	dirs, err := queueDirs(storagePath)
	if err != nil {
		return err
	}
	var mistakes []error
	for _, dir := range dirs {
		answer, err := request(dir, strings.Join(lines, "\n")+"\n")
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
			continue // none runs there
		}
		if err == nil {
			err = done(filepath.Base(dir), answer)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", dir, err))
		}
	}
	return errors.Join(mistakes...)
}

func request(dir, lines string) (answer string, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return "", file.WithoutName(err)
	}
	defer d.Close()
	conn, err := net.Dial("unix", socketIn(d))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(controlWait))
	if _, err := io.WriteString(conn, lines); err != nil {
		return "", err
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(conn, controlMost))
	if err != nil {
		return "", err
	}
	answer, ok := strings.CutSuffix(strings.TrimSpace(string(b)), controlOK)
	if !ok {
		return "", errors.New(answer)
	}
	return answer, nil
}
