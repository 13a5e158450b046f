package chaos

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
)

// What it has acknowledged is on disk, and what the filter has made of it.
const fluentBitConf = `
[SERVICE]
    Flush         0.2
    Grace         5
    Hot_Reload    On
    Plugins_File  DIR/plugins.conf
    storage.path  DIR/chunks
    scheduler.base 1
    scheduler.cap  1
[INPUT]
    Name          forward
    Listen        127.0.0.1
    Port          PORT
    storage.type  filesystem
[FILTER]
    Name               misp
    Match              *
    url                URL
    api_key            KEY
    storage_path       DIR/storage
    max_wait           WAIT
    timeout            1s
    cache_error_ttl    1s
    cache_ttl          2s
    cache_negative_ttl 2s
[OUTPUT]
    Name         http
    Match        *
    Host         127.0.0.1
    Port         TARGET
    Format       msgpack
    Retry_Limit  no_limits
`

// An agent is a Fluent Bit that gets chunks by the Forward protocol and posts
// them to a target.
type agent struct {
	t       *testing.T
	ledger  *ledger
	program string
	dir     string
	address string // at which it listens
	process *fluentbit.Process
	conn    net.Conn
	chunks  int           // sent
	longest time.Duration // until a chunk was acknowledged
}

func newAgent(t *testing.T, program string, l *ledger, url string) *agent {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	a := &agent{t: t, ledger: l, program: program, dir: t.TempDir(), address: free.Addr().String()}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if chunk, err := io.ReadAll(r.Body); err == nil {
			l.arrived(chunk)
		}
	}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(a.address)
	_, target, _ := net.SplitHostPort(server.Listener.Addr().String())
	for name, text := range map[string]string{"fluent-bit.conf": fluentBitConf, "plugins.conf": "[PLUGINS]\n    Path OBJECT\n"} {
		text = strings.NewReplacer("DIR", a.dir, "PORT", port, "URL", url, "KEY", misptest.UserKey, "WAIT", maxWait.String(),
			"TARGET", target, "OBJECT", filterFile).Replace(text)
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.start()
	t.Cleanup(func() { a.process.Kill() })
	return a
}

func (a *agent) start() {
	var err error
	if a.process, err = fluentbit.Start(a.program, "-c", filepath.Join(a.dir, "fluent-bit.conf")); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) of() (*testing.T, *ledger) { return a.t, a.ledger }

// send sends a chunk until it is acknowledged.
func (a *agent) send(chunk []byte) {
	a.t.Helper()
	a.chunks++
	id := fmt.Sprint("chunk ", a.chunks)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		begin := time.Now()
		err := a.try(chunk, id)
		if err == nil {
			a.longest = max(a.longest, time.Since(begin))
			return
		}
		if a.conn != nil {
			a.t.Errorf("Fluent Bit does not acknowledge a chunk: %v\n%s", err, a.process.Log())
			a.hangUp()
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("Fluent Bit does not listen: %v\n%s", err, a.process.Log())
		}
	}
}

func (a *agent) try(chunk []byte, id string) (err error) {
	if a.conn == nil {
		if a.conn, err = net.Dial("tcp", a.address); err != nil {
			a.conn = nil
			return err
		}
	}
	_ = a.conn.SetDeadline(time.Now().Add(5 * time.Second))
	message, err := msgpack.Marshal([]any{"wazuh.alerts", chunk, map[string]any{"chunk": id, "fluent_signal": 0}})
	if err != nil {
		return err
	}
	if _, err := a.conn.Write(message); err != nil {
		return err
	}
	var answer struct {
		Ack string `msgpack:"ack"`
	}
	if err := msgpack.NewDecoder(a.conn).Decode(&answer); err != nil {
		return err
	}
	if answer.Ack != id {
		return errors.New("it acknowledges another one: " + answer.Ack)
	}
	return nil
}

func (a *agent) hangUp() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
}

// behind reports whether many alerts have not arrived.
func (a *agent) behind() bool {
	sent, _ := a.ledger.open()
	return sent > 50
}

func (a *agent) settle() {
	a.t.Helper()
	settle(a, filepath.Join(a.dir, "storage"))
}

// The real Fluent Bit, where there is one, loses nothing and blocks nowhere
// whatever becomes of MISP, of its configuration and of itself.
func TestFluentBit(t *testing.T) {
	t.Parallel()
	program, err := fluentbit.Find()
	if errors.Is(err, fluentbit.ErrNone) {
		return // the C host calls the plugin in the same way
	}
	if err != nil {
		t.Fatal(err)
	}
	s, l, r := newSite(t), newLedger(), random(t)
	a := newAgent(t, program, l, s.url())
	flow(a, lasting(300*time.Millisecond, 2*time.Second))
	a.settle()
	for i, f := range faults {
		if f.slow || !*long && i%8 != 0 {
			continue
		}
		end := f.begin(s)
		flow(a, lasting(500*time.Millisecond, 2*time.Second))
		if i%4 == 0 {
			a.hangUp()
			if err := a.process.Reload(); err != nil {
				t.Fatalf("%v\n%s", err, a.process.Log())
			}
		}
		end()
		a.settle()
	}
	l.again, l.twice = true, true // what the target has but Fluent Bit does not know of comes twice
	for n := range int(lasting(2, 12)) {
		if n%2 == 0 {
			s.down()
		}
		end := time.Now().Add(time.Duration(r.IntN(1000)) * time.Millisecond)
		for time.Now().Before(end) {
			flow(a, 5*time.Millisecond)
		}
		a.hangUp()
		a.process.Kill()
		a.start()
		if n%2 == 0 {
			s.up()
		}
	}
	flow(a, 5*time.Millisecond) // it works, and so it knows what a signal is
	a.settle()
	if err := a.process.Stop(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if log := a.process.Log(); strings.Contains(log, "panic") || strings.Contains(log, "a bug") || t.Failed() {
		t.Errorf("log:\n%s", log)
	}
	check(t, l, true)
	t.Logf("%v; a chunk was acknowledged after %v at most", l, a.longest)
}
