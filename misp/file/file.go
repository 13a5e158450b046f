// Package file reads the files that options name: keys, rules, certificates. Errors of
// reading do not have the name, as the messages about options have it already.
package file

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	largest  = 16 << 20         // bytes
	patience = 10 * time.Second // with a pipe
)

// Read returns what is in a file, or what comes through a pipe until its writer
// closes it. Unlike os.ReadFile it ends in any case: it gives up on what has more than
// 16 MB or lets it wait for 10 seconds.
func Read(name string) ([]byte, error) { return read(name, patience) }

// TLS returns a configuration with the certificates in files in PEM form: of those that
// are trusted, and the own one with its key, if both are named. An empty name is none.
// The mistakes name the options, which have that prefix.
func TLS(prefix, ca, crt, key string) (cfg *tls.Config, mistakes []error) {
	cfg = &tls.Config{}
	if ca != "" {
		var err error
		if cfg.RootCAs, err = certPool(ca); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%sca_file %q: %w", prefix, ca, err))
		}
	}
	if crt != "" && key != "" {
		pair, err := keyPair(crt, key)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%[1]scrt_file %[2]q and %[1]skey_file %[3]q: %[4]w", prefix, crt, key, err))
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, mistakes
}

func certPool(name string) (*x509.CertPool, error) {
	pem, err := Read(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("want certificates in PEM form")
	}
	return pool, nil
}

func keyPair(crt, key string) (tls.Certificate, error) {
	crtPEM, err := Read(crt)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the certificate: %w", err)
	}
	keyPEM, err := Read(key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the key: %w", err)
	}
	return tls.X509KeyPair(crtPEM, keyPEM)
}

func read(name string, patience time.Duration) ([]byte, error) {
	// Without O_NONBLOCK it would wait for somebody to open a pipe's other end.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, WithoutName(err)
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(patience)) // fails for a file, which does not wait
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("it is a pipe whose writer has not closed it within %v", patience)
	case err != nil:
		return nil, WithoutName(err)
	case len(text) > largest:
		return nil, fmt.Errorf("it has more than %d MB", largest>>20)
	}
	return text, nil
}

// WithoutName returns an error of the file system without the name, for messages
// that have it already.
func WithoutName(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
