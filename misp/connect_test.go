package misp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNoConnection(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hangsUp.Close()
	go func() {
		for {
			conn, err := hangsUp.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 1000))
			conn.Close()
		}
	}()
	plain := httptest.NewServer(answer(rows()))
	defer plain.Close()
	ssh := newFakeMISP(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, "SSH-2.0-OpenSSH_9 "+strings.Repeat("x", 252)+testKey+strings.Repeat("x", 1000)+"\r\n\r\n")
		conn.Close()
	})

	tests := []struct {
		name   string
		cfg    Config
		reason Reason
		err    string // part of it
	}{
		{"refused", Config{URL: closed.URL}, Unreachable, "connection refused: see whether MISP is up, and check the port in url"},
		{"no such host", Config{URL: "http://misp.invalid"}, Unreachable, "check the host name in url, and that this machine can resolve it"},
		{"hangs up", Config{URL: "http://" + hangsUp.Addr().String()}, Unreachable, "EOF: something closed the connection: see the logs of MISP and of its web server"},
		{"no HTTP", Config{URL: ssh.URL}, Unreachable, "…: what answers there does not speak HTTP as it should: check host and port in url"},
		{"no TLS", Config{URL: strings.Replace(plain.URL, "http", "https", 1)}, Unreachable,
			"there is no TLS on this port: check the port in url, or write it with http://"},
		{"proxy", Config{URL: "http://misp.example", Proxy: NewSecret("http://me:hunter2@" + closed.Listener.Addr().String())}, Unreachable,
			"connection refused: check proxy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			book := &logBook{}
			tt.cfg.APIKey, tt.cfg.Log = NewSecret(testKey), book.logger()
			c, err := NewClient(tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; a != (Answer{Reason: tt.reason}) {
				t.Errorf("got %+v", a)
			}
			logged := book.take()
			if !strings.Contains(logged, tt.err) || strings.Count(logged, "\n") != 1 {
				t.Errorf("logged %s want %s", logged, tt.err)
			}
			if strings.Contains(logged, testKey) || strings.Contains(logged, "hunter2") {
				t.Errorf("a secret is shown: %s", logged)
			}
		})
	}
}

func TestProxyIsUsed(t *testing.T) {
	var got string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.RequestURI + " " + r.Header.Get("Proxy-Authorization")
		answer(rows("ip-src 203.0.113.7"))(w, r)
	}))
	defer proxy.Close()
	c, err := NewClient(Config{
		URL: "http://misp.example", APIKey: NewSecret(testKey),
		Proxy: NewSecret(strings.Replace(proxy.URL, "http://", "http://me:hunter2@", 1)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if a := lookup(c, indicators(t, "ip 203.0.113.7"))[0]; a.Verdict != Known {
		t.Errorf("got %+v", a)
	}
	if want := "http://misp.example/attributes/restSearch Basic bWU6aHVudGVyMg=="; got != want {
		t.Errorf("the proxy got %q, want %q", got, want)
	}
}

func TestTLS(t *testing.T) {
	good := newCertificate(t, "127.0.0.1", time.Hour)
	old := newCertificate(t, "127.0.0.1", -time.Hour)
	other := newCertificate(t, "192.0.2.1", time.Hour)
	nameless := newCertificate(t, "", time.Hour)
	tests := []struct {
		name       string
		server     certificate
		wantClient bool
		maxVersion uint16
		tls        TLS
		err        string // end of it; none if MISP answers
	}{
		{name: "not verified", server: old, tls: TLS{NoVerify: true}},
		{name: "ca_file", server: good, tls: TLS{CAFile: good.crtFile}},
		{name: "client certificate", server: good, wantClient: true, tls: TLS{CAFile: good.crtFile, CrtFile: other.crtFile, KeyFile: other.keyFile}},
		{name: "unknown authority", server: good, err: "set tls.ca_file to the certificate of the authority that signed MISP's"},
		{name: "expired", server: old, tls: TLS{CAFile: old.crtFile}, err: "renew MISP's certificate, or check the clock of this machine"},
		{name: "another name", server: other, tls: TLS{CAFile: other.crtFile}, err: "use a name in url that is in MISP's certificate"},
		{name: "no name", server: nameless, tls: TLS{CAFile: nameless.crtFile}, err: "give MISP a certificate that names its host as a subjectAltName"},
		{name: "TLS 1.1", server: good, maxVersion: tls.VersionTLS11, tls: TLS{CAFile: good.crtFile}, err: "MISP's web server knows TLS 1.1 at most: have it take TLS 1.2"},
		{name: "no client certificate", server: good, wantClient: true, tls: TLS{CAFile: good.crtFile},
			err: "MISP did not like this side of TLS: if it wants a client certificate, set tls.crt_file and tls.key_file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(answer(rows()))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.TLS = &tls.Config{Certificates: []tls.Certificate{tt.server.pair}, MinVersion: tls.VersionTLS10, MaxVersion: tt.maxVersion}
			if tt.wantClient {
				server.TLS.ClientAuth = tls.RequireAnyClientCert
			}
			server.StartTLS()
			defer server.Close()
			c, err := NewClient(Config{URL: server.URL, APIKey: NewSecret(testKey), TLS: tt.tls})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _, err = c.Search(t.Context(), indicators(t, "ip 203.0.113.7")[0])
			if (err == nil) != (tt.err == "") || !strings.HasSuffix(message(err), tt.err) {
				t.Errorf("got  %v\nwant %s", err, tt.err)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.Reason != Unreachable || errors.Unwrap(e) == nil) {
				t.Errorf("got %#v", e)
			}
		})
	}
}

type certificate struct {
	pair             tls.Certificate
	crtFile, keyFile string
}

// newCertificate makes one that signs itself and ends after life. It is for an
// address, or for none.
func newCertificate(t *testing.T, address string, life time.Duration) certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-24 * time.Hour),
		NotAfter:              time.Now().Add(life),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if address != "" {
		template.IPAddresses = []net.IP{net.ParseIP(address)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := certificate{crtFile: filepath.Join(dir, "crt.pem"), keyFile: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{
		c.crtFile: {Type: "CERTIFICATE", Bytes: der},
		c.keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c.pair, err = tls.LoadX509KeyPair(c.crtFile, c.keyFile); err != nil {
		t.Fatal(err)
	}
	return c
}
