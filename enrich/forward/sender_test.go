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
