package main

import (
	"log/slog"

	"fluent-bit-misp/enrich/metrics"
)

// serveMetrics serves what a section counts, if its options want that, until
// stop is called.
func serveMetrics(s metrics.Section, log *slog.Logger) (stop func()) {
	address := s.Engine.MetricsListen()
	if address == "" {
		return func() {}
	}
	return metrics.Serve(address, s, log)
}
