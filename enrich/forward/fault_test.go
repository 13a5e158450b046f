package forward

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/test/receiver"
)

// What goes wrong is said once, in time, within little memory; and the chunk
// is delivered when the target is well.
func TestFaults(t *testing.T) {
	dir := t.TempDir()
	certificate := writeCertificate(t, dir)
	const key = "forward.shared_key"
	tests := []struct {
		name     string
		fault    receiver.Fault
		receiver receiver.Config
		options  []string
		want     string // what is logged, without the target
		lasting  bool   // it does not go away by itself
	}{
		{"never acknowledges", receiver.Silent, receiver.Config{}, nil,
			"i/o timeout: see whether the target is a forward input, and whether it is overloaded", false},
		{"another chunk", receiver.WrongID, receiver.Config{}, nil,
			`it acknowledges the chunk \"another chunk\", not `, false},
		{"closes within the chunk", receiver.HangUp, receiver.Config{}, nil,
			": it closes the connection: see its log, and whether it wants TLS", false},
		{"closes instead of acknowledging", receiver.Late, receiver.Config{}, nil,
			"EOF: it closes the connection: see its log, and whether it wants TLS", false},
		{"answers 1 GB", receiver.Flood, receiver.Config{}, nil, "it answers with more than 4096 bytes", false},
		{"TLS where none was expected", receiver.None, receiver.Config{TLS: certificate}, nil,
			": it closes the connection: see its log, and whether it wants TLS", true},
		{"no TLS where some was expected", receiver.None, receiver.Config{SharedKey: testKey}, []string{"forward.tls", "on"},
			"TLS: tls: first record does not look like a TLS handshake: there is no TLS on this port: set forward.tls off, or check the port", true},
		{"a certificate of nobody", receiver.None, receiver.Config{TLS: certificate}, []string{"forward.tls", "on"},
			": set forward.tls.ca_file to the certificate of the authority that signed the target's", true},
		{"wants a key", receiver.None, receiver.Config{SharedKey: testKey}, nil, "it wants a shared key: set forward.shared_key", true},
		{"wants no key", receiver.None, receiver.Config{}, []string{key, testKey},
			"there is no greeting: see whether the target has a shared_key, and whether it speaks TLS", true},
		{"another key", receiver.None, receiver.Config{SharedKey: testKey}, []string{key, "wrong"},
			`shared key: it refuses ours: \"shared_key mismatch\"`, true},
		{"our name", receiver.None, receiver.Config{SharedKey: testKey, Hostname: "sender"}, []string{key, testKey},
			`shared key: it calls itself \"sender\", as this side does: set forward.self_hostname to something else`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := receiver.Start(t, tt.receiver)
			r.Fault(tt.fault)
			b := newBench(t, append(tt.options, "forward.targets", r.Target())...)
			begin := time.Now()
			for range 3 {
				if b.send("chunk") {
					t.Fatal("delivered")
				}
				if !b.Away() {
					t.Error("the target is not left alone")
				}
				b.now = b.now.Add(longestHoldoff)
			}
			if d := time.Since(begin); d > 3*3*time.Second {
				t.Errorf("three attempts took %v", d)
			}
			logged := b.log.String()
			if !strings.HasPrefix(logged, `msg="forward to `+r.Target()+": ") || !strings.Contains(logged, tt.want) ||
				!strings.HasSuffix(logged, "; what is not delivered will be tried again\"\n") || strings.Count(logged, "\n") != 1 {
				t.Errorf("logged %s want, once, %s", logged, tt.want)
			}
			if strings.Contains(logged, testKey) {
				t.Errorf("the key is shown: %s", logged)
			}
			if _, flooded := r.Connections(); flooded > 64<<20 {
				t.Errorf("%d bytes of an answer went through", flooded)
			}
			if tt.lasting {
				return
			}
			r.Fault(receiver.None)
			if !b.send("chunk") || b.Away() {
				t.Errorf("not delivered to a target that is well: %s", &b.log)
			}
			if m := r.Messages(); string(m[len(m)-1].Chunk) != "chunk" || !m[len(m)-1].Acked {
				t.Errorf("arrived: %+v", m)
			}
			if want := ": works again after 1m30s\"\n"; !strings.HasSuffix(b.log.String(), want) {
				t.Errorf("logged %s want %s", &b.log, want)
			}
		})
	}
}

// A target that was restarted between two chunks is not an event.
func TestRestart(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", r.Target())
	for i := range 5 {
		if !b.send("chunk") {
			t.Fatalf("chunk %d: %s", i, &b.log)
		}
		r.Stop()
		if err := r.Listen(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.Messages()); n != 5 || b.log.Len() > 0 {
		t.Errorf("%d messages arrived, logged %s", n, &b.log)
	}
}

// The first target that works gets the chunk; one that has failed is tried again
// after a while.
func TestFailover(t *testing.T) {
	first, second := receiver.Start(t, receiver.Config{}), receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", first.Target()+", "+second.Target())
	arrived := func() [2]int { return [2]int{len(first.Messages()), len(second.Messages())} }
	step := func(delivered bool, want [2]int) {
		t.Helper()
		if got := b.send("chunk"); got != delivered || arrived() != want {
			t.Errorf("delivered %v, arrived %v, want %v; log:\n%s", got, arrived(), want, &b.log)
		}
	}
	step(true, [2]int{1, 0})
	first.Stop()
	step(true, [2]int{1, 1})
	if err := first.Listen(); err != nil {
		t.Fatal(err)
	}
	step(true, [2]int{1, 2}) // the first is left alone
	b.now = b.now.Add(2 * time.Second)
	step(true, [2]int{2, 2})
	first.Stop()
	second.Stop()
	step(false, [2]int{2, 2})
	if err := second.Listen(); err != nil {
		t.Fatal(err)
	}
	step(false, [2]int{2, 2})
	b.now = b.now.Add(2 * time.Second)
	step(true, [2]int{2, 3})
	if n := strings.Count(b.log.String(), "\n"); n != 5 {
		t.Errorf("%d lines, want two ends of the first, one of the second, and two returns:\n%s", n, &b.log)
	}
}

// The end of the context ends a Send, and says nothing of the target.
func TestCancel(t *testing.T) {
	r := receiver.Start(t, receiver.Config{})
	r.Fault(receiver.Silent)
	b := newBench(t, "forward.targets", r.Target())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if b.Send(ctx, "tag", []byte("chunk")) {
		t.Error("delivered")
	}
	if d := time.Since(begin); d > time.Second || b.Away() || b.log.Len() > 0 {
		t.Errorf("took %v, away %v, logged %s", d, b.Away(), &b.log)
	}
}

// What a target that hangs up may want depends on how far it came.
func TestHangsUp(t *testing.T) {
	hangsUp := fmt.Errorf("shared key: it hangs up on ours: %w", io.EOF)
	secure := &Config{TLS: &tls.Config{}}
	for _, tt := range []struct {
		err  error
		cfg  *Config
		want string
	}{
		{io.EOF, &Config{}, "EOF: it closes the connection: see its log, and whether it wants TLS;"},
		{io.EOF, secure, "EOF: it closes the connection: see its log;"},
		{hangsUp, &Config{}, "EOF: see its log, and whether its shared_key is the same;"},
		{hangsUp, secure, "EOF: see its log, and whether its shared_key is the same;"},
	} {
		if got := explain(tt.err, tt.cfg); !strings.Contains(got, tt.want) {
			t.Errorf("%q, want %q in it", got, tt.want)
		}
	}
}
