package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"
)

// A server serves the sections that name the same address.
type server struct {
	address string

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	http     *http.Server
	registry *prometheus.Registry
	asked    sync.Mutex // one answer at a time is made
	caught   atomic.Uint64
	retry    time.Duration // until an address that was not to be had is tried again

	mu       sync.Mutex
	sections []*Section // in the order in which they were opened
	logs     []*slog.Logger
}

// servers are those in use, by their address.
var servers = struct {
	sync.Mutex
	of map[string]*server
}{of: map[string]*server{}}

const (
	closeWithin = 300 * time.Millisecond
	retryEvery  = 10 * time.Second

	requestWithin = 5 * time.Second // to send a request
	answerWithin  = 10 * time.Second
	idleWithin    = 30 * time.Second
	maxHeader     = 8 << 10 // bytes
	maxConns      = 32
)

// Serve serves what a section counts at an address (see
// [enrich.Engine.MetricsListen]), together with the others that are served there,
// until stop is called, which is before the section's engine is closed. If the
// address is not to be had, the log says so, and it is tried again: the section
// has more important things to do.
func Serve(address string, s Section, log *slog.Logger) (stop func()) {
	servers.Lock()
	defer servers.Unlock()
	v := servers.of[address]
	if v == nil {
		v = newServer(address)
		servers.of[address] = v
	}
	added := v.add(s, log)
	if v.http == nil {
		v.start()
	}
	return sync.OnceFunc(func() {
		servers.Lock()
		defer servers.Unlock()
		if v.remove(added) {
			delete(servers.of, address)
			v.close()
		}
	})
}

func newServer(address string) *server {
	v := &server{address: address, registry: prometheus.NewRegistry(), retry: retryEvery}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.registry.MustRegister(collector{v})
	return v
}

// add adds a section. Names are there once, as they are shown, as Prometheus
// takes no metric twice.
func (v *server) add(s Section, log *slog.Logger) *Section {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Name = valid(s.Name)
	name := s.Name
	for n := 2; slices.ContainsFunc(v.sections, func(other *Section) bool { return other.Name == s.Name }); n++ {
		s.Name = fmt.Sprintf("%s#%d", name, n)
	}
	v.sections, v.logs = append(v.sections, &s), append(v.logs, log)
	return &s
}

// remove removes a section, and reports whether it was the last one.
func (v *server) remove(s *Section) (last bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.Index(v.sections, s)
	v.sections, v.logs = slices.Delete(v.sections, i, i+1), slices.Delete(v.logs, i, i+1)
	return len(v.sections) == 0
}

func (v *server) list() []*Section {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.sections)
}

// log returns the log of the first section that is open.
func (v *server) log() *slog.Logger {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.logs) == 0 {
		return slog.New(slog.DiscardHandler)
	}
	return v.logs[0]
}

// run calls f, which a panic of must not end the program, and returns false if
// there was one. The first one is logged.
func (v *server) run(what string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil && v.caught.Add(1) == 1 {
			v.log().Error(fmt.Sprintf("a bug, please report it: panic over %s: %v\n%s", what, p, debug.Stack()))
		}
	}()
	f()
	return true
}

// start listens, and serves until the server is closed.
func (v *server) start() {
	v.http = &http.Server{
		Handler:           v.handler(),
		ReadHeaderTimeout: requestWithin,
		ReadTimeout:       requestWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleWithin,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	listener := v.listen(false)
	v.running.Go(func() {
		defer func() {
			if listener != nil {
				listener.Close()
			}
		}()
		for v.ctx.Err() == nil {
			if listener != nil {
				v.run("the server of metrics", func() { _ = v.http.Serve(netutil.LimitListener(listener, maxConns)) })
			}
			select {
			case <-time.After(v.retry):
				listener = v.listen(true)
			case <-v.ctx.Done():
			}
		}
	})
}

// listen listens at the address, nil if it is not to be had. Of several attempts
// the log has the first and the last.
func (v *server) listen(again bool) net.Listener {
	listener, err := listen(v.ctx, v.address)
	switch {
	case err != nil && !again:
		v.log().Warn(fmt.Sprintf("metrics_listen %s: %v: alerts are looked up all the same, and this is tried again every %v", v.address, err, v.retry))
	case err == nil && again:
		v.log().Info("metrics_listen " + v.address + ": listens now")
	}
	return listener
}

// close ends every goroutine of the server.
func (v *server) close() {
	v.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if v.http.Shutdown(ctx) != nil {
		v.http.Close()
	}
	v.running.Wait()
}
