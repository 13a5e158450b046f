// Demo shows what the plugin does: alerts as Wazuh writes them go through the
// plugin, which asks a MISP on the loopback interface, and are shown with what
// it knew. It uses the real Fluent Bit where there is one, and otherwise the
// small host of the tests, in both cases with the example configuration.
//
// It ends by itself, with exit code 1 if something that MISP knows was missed.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/fluentbit"
)

//go:embed alerts.json
var alerts string

// expected is, for each alert, the value that MISP knows; empty if none.
var expected = []string{
	"275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f",
	"",
	"c2.evil-updates.example.com",
	"198.51.100.23",
	"",
	"http://evil-updates.example.com/gate/payload.bin",
	"",
}

// A pipeline passes alerts through the plugin.
type pipeline struct {
	fluentBit string             // which one it is
	write     func([]byte) error // takes an alert
	records   chan []byte        // the alerts, as they come out; closed at its end
	stop      func() error       // its error has the log, where that helps
}

func main() {
	if err := demo(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo() (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	misp := misptest.New(misptest.Sample())
	server := &http.Server{Handler: misp}
	go server.Serve(listener) // until it is closed
	defer server.Close()

	dir, err := os.MkdirTemp("", "misp-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	site := fluentbit.Site{Dir: dir, URL: "http://" + listener.Addr().String(), Key: misptest.UserKey}
	if err := site.Install(); err != nil {
		return err
	}
	p, err := open(site)
	if err != nil {
		return err
	}
	s := newScreen(os.Stdout)
	s.printf("Fluent Bit     %s\n", p.fluentBit)
	s.printf("Plugin         build/flb-filter_misp.so\n")
	s.printf("Configuration  fluent-bit.conf.example\n")
	s.printf("MISP           a small one in memory, at %s\n", site.URL)
	known, err := show(s, p)
	if err = errors.Join(err, p.stop()); err != nil {
		return err
	}
	c := misp.Counts()
	s.printf("\nMISP knew something of %d of %d alerts; it was asked for %d values in %d requests.\n", known, len(expected), c.Values, c.Searches)
	s.printf("For your own MISP, begin with fluent-bit.conf.example.\n")
	return nil
}

func open(site fluentbit.Site) (*pipeline, error) {
	path, err := fluentbit.Find()
	switch err {
	case nil:
		return openFluentBit(site, path)
	case fluentbit.ErrNone:
		return openHost(site)
	}
	return nil, err
}

// show writes the alerts, as Wazuh would, and shows them as they come out. It
// returns of how many MISP knew something; the error says which alerts did not
// come out as expected.
func show(s *screen, p *pipeline) (known int, err error) {
	failed := make(chan error, 1)
	go func() {
		for line := range strings.Lines(alerts) {
			now := time.Now().Format("2006-01-02T15:04:05.000-0700")
			if err := p.write([]byte(strings.Replace(line, "NOW", now, 1))); err != nil {
				failed <- err
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
	}()
	timeout := time.After(15 * time.Second)
	var unexpected []error
	for i, want := range expected {
		select {
		case record, ok := <-p.records:
			if !ok {
				return known, fmt.Errorf("the pipeline has ended after %d of %d alerts", i, len(expected))
			}
			got, err := s.show(record)
			if err != nil {
				return known, err
			}
			if got != want {
				unexpected = append(unexpected, fmt.Errorf("alert %d: misp_value is %q, want %q", i+1, got, want))
			}
			if got != "" {
				known++
			}
		case err := <-failed:
			return known, err
		case <-timeout:
			return known, fmt.Errorf("only %d of %d alerts have come out", i, len(expected))
		}
	}
	return known, errors.Join(unexpected...)
}
