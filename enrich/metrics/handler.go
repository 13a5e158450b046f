package metrics

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
)

// handler answers GET /metrics and GET /healthz.
func (v *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", v.metrics)
	mux.HandleFunc("GET /healthz", v.health)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !v.run("a request for metrics", func() { mux.ServeHTTP(w, r) }) {
			http.Error(w, "a bug: the log has it", http.StatusInternalServerError)
		}
	})
}

// metrics answers in Prometheus' text format. It does not compress, which costs
// more than it saves on one machine.
func (v *server) metrics(w http.ResponseWriter, _ *http.Request) {
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var body bytes.Buffer
	if err := v.gather(expfmt.NewEncoder(&body, format)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	_, _ = w.Write(body.Bytes())
}

func (v *server) gather(to expfmt.Encoder) error {
	v.asked.Lock()
	defer v.asked.Unlock()
	families, err := v.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	for _, family := range families {
		if err := to.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

// health answers ready, or degraded with the reasons. A program that is degraded
// does its work all the same, and to start it anew would mend nothing: so the
// status is 200. Who goes by the status asks for /healthz?strict, and gets 503.
func (v *server) health(w http.ResponseWriter, r *http.Request) {
	h := judge(v.read(), time.Now())
	body, err := json.Marshal(h)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if h.Status != ready && r.URL.Query().Has("strict") {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n'))
}
