package forward

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fluent-bit-misp/test/receiver"
)

const testKey = "the key of the tests"

// A bench is a sender whose clock and log are the test's.
type bench struct {
	*Sender
	log bytes.Buffer
	now time.Time
}

// newBench returns a sender with these options: name, value, name, value.
func newBench(t *testing.T, pairs ...string) *bench {
	t.Helper()
	b := &bench{now: time.Unix(1_800_000_000, 0)}
	defaults := []string{"forward.connect_timeout", "2s", "forward.ack_timeout", "2s", "forward.self_hostname", "sender"}
	cfg, err := ParseOptions(stanza(append(pairs, defaults...)...))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Now = func() time.Time { return b.now }
	cfg.Log = slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key != slog.MessageKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	b.Sender = New(cfg)
	t.Cleanup(b.Close)
	return b
}

func (b *bench) send(chunk string) bool {
	return b.Send(context.Background(), "wazuh.alerts", []byte(chunk))
}

func stanza(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// chunks are of every size at which the protocol looks different.
var chunks = []string{"\x92\x92\xce\x69\x22\x33\x44\x80\x80", "", strings.Repeat("\x00\xff", 40), strings.Repeat("alert", 600_000)}

// However it is set up, each chunk arrives as it is, once, over one connection.
func TestDelivery(t *testing.T) {
	dir := t.TempDir()
	certificate := writeCertificate(t, dir)
	tests := []struct {
		name     string
		receiver receiver.Config
		options  []string
	}{
		{"plain", receiver.Config{}, nil},
		{"unix socket", receiver.Config{Address: "unix:" + filepath.Join(dir, "s")}, nil},
		{"gzip", receiver.Config{}, []string{"forward.compress", "gzip"}},
		{"no acknowledgement", receiver.Config{}, []string{"forward.require_ack", "off"}},
		{"shared key", receiver.Config{SharedKey: testKey, Hostname: "receiver"}, []string{"forward.shared_key", testKey}},
		{"TLS", receiver.Config{TLS: certificate}, []string{"forward.tls", "on", "forward.tls.ca_file", filepath.Join(dir, "crt")}},
		{"TLS unverified", receiver.Config{TLS: certificate}, []string{"forward.tls", "on", "forward.tls.verify", "off"}},
		{"all of it", receiver.Config{TLS: certificate, SharedKey: testKey, Hostname: "receiver"},
			[]string{"forward.tls", "on", "forward.tls.verify", "off", "forward.shared_key", testKey, "forward.compress", "gzip"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := receiver.Start(t, tt.receiver)
			b := newBench(t, append(tt.options, "forward.targets", r.Target())...)
			for _, c := range chunks {
				if !b.send(c) {
					t.Fatalf("not delivered: %s", &b.log)
				}
			}
			var got []receiver.Message
			for range 100 { // without acknowledgements they may be under way
				if got = r.Messages(); len(got) == len(chunks) {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if len(got) != len(chunks) {
				t.Fatalf("%d messages", len(got))
			}
			ids := map[string]bool{}
			for i, m := range got {
				if string(m.Chunk) != chunks[i] || m.Tag != "wazuh.alerts" {
					t.Errorf("chunk %d arrived as %.50q with tag %s", i, m.Chunk, m.Tag)
				}
				if m.Gzip != (b.gzip != nil) || (m.ID == "") != b.cfg.NoAck || ids[m.ID] && m.ID != "" {
					t.Errorf("chunk %d: gzip %v, id %q", i, m.Gzip, m.ID)
				}
				ids[m.ID] = true
			}
			if n, _ := r.Connections(); n != 1 {
				t.Errorf("%d connections", n)
			}
			if b.log.Len() > 0 {
				t.Errorf("logged %s", &b.log)
			}
		})
	}
}

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

// Fluent Bit 3 takes the first bytes of a gzip member for the beginning of one more
// wherever they stand, and then refuses the chunk for good.
func TestGzipWithinGzip(t *testing.T) {
	random := make([]byte, 5000) // which gzip stores as it is
	_, _ = mathrand.NewChaCha8([32]byte{}).Read(random)
	chunk := string(random) + "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + string(random[:100])
	r := receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", r.Target(), "forward.compress", "gzip")
	if !b.send(chunk) || !b.send(string(random)) {
		t.Fatal("not delivered")
	}
	got := r.Messages()
	if len(got) != 2 || string(got[0].Chunk) != chunk || got[0].Gzip || string(got[1].Chunk) != string(random) || !got[1].Gzip {
		t.Errorf("%d messages, the first with gzip: %v", len(got), got[0].Gzip)
	}
}

// Many may send at once, and nothing is left behind.
func TestConcurrent(t *testing.T) {
	before := runtime.NumGoroutine()
	r := receiver.Start(t, receiver.Config{})
	b := newBench(t, "forward.targets", r.Target(), "forward.compress", "gzip")
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for range 50 {
				if c := strings.Repeat(string(rune('a'+i)), 1000); !b.send(c) {
					t.Error("not delivered")
				}
			}
		})
	}
	running.Wait()
	for _, m := range r.Messages() {
		if len(m.Chunk) != 1000 || strings.Trim(string(m.Chunk), string(m.Chunk[:1])) != "" {
			t.Errorf("arrived: %.50q", m.Chunk)
		}
	}
	if n := len(r.Messages()); n != 400 {
		t.Errorf("%d messages", n)
	}
	b.Close()
	r.Stop()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// writeCertificate writes the files crt and key of a certificate for 127.0.0.1
// into dir, and returns a server's configuration with it.
func writeCertificate(t *testing.T, dir string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"crt": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "crt"), filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}
}

func BenchmarkSend(b *testing.B) {
	r := receiver.Start(b, receiver.Config{})
	s := New(Config{Targets: []string{r.Target()}, ConnectTimeout: time.Second, AckTimeout: time.Second})
	defer s.Close()
	chunk := bytes.Repeat([]byte{0x80}, 256<<10)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if !s.Send(context.Background(), "tag", chunk) {
			b.Fatal("not delivered")
		}
	}
}
