package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/version"
)

// A collector reads the sections of a server for Prometheus.
type collector struct{ *server }

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range all {
		ch <- m.desc
	}
}

// Collect is called on a goroutine of the client library's.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c.run("the metrics", func() {
		build := version.Get()
		emitter{ch: ch}.send(buildInfo, 1, build.Version, build.Commit, build.Go)
		for _, r := range c.read() {
			r.collect(emitter{ch, []string{r.name}})
		}
	})
}

// An emitter hands metrics over, each with the labels that it has for all.
type emitter struct {
	ch     chan<- prometheus.Metric
	common []string
}

func (e emitter) labels(labels []string) []string {
	all := append(e.common[:len(e.common):len(e.common)], labels...)
	for i := range all {
		all[i] = valid(all[i])
	}
	return all
}

// valid returns a label as the library takes it.
func valid(label string) string { return strings.ToValidUTF8(label, "�") }

func (e emitter) send(m *Metric, value float64, labels ...string) {
	e.ch <- prometheus.MustNewConstMetric(m.desc, m.value, value, e.labels(labels)...)
}

func (e emitter) count(m *Metric, n uint64, labels ...string) { e.send(m, float64(n), labels...) }

func (e emitter) flag(m *Metric, on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	e.send(m, value, labels...)
}

func (e emitter) counts(m *Metric, by map[string]uint64, labels ...string) {
	for label, n := range by {
		e.count(m, n, append(labels[:len(labels):len(labels)], label)...)
	}
}

func (e emitter) distribution(m *Metric, d misp.Distribution, labels ...string) {
	buckets := make(map[float64]uint64, len(d.Bounds))
	n := uint64(0)
	for i, bound := range d.Bounds {
		n += d.Counts[i]
		buckets[bound] = n
	}
	n += d.Counts[len(d.Bounds)]
	e.ch <- prometheus.MustNewConstHistogram(m.desc, n, d.Sum, buckets, e.labels(labels)...)
}

func (r *reading) collect(e emitter) {
	s := &r.stats
	e.counts(alerts, map[string]uint64{
		misp.Known.String(): s.Hits, misp.Clean.String(): s.Clean, misp.Unknown.String(): s.Unknown, "none": s.Plain,
	})
	e.count(passed, s.Passed)
	e.count(lateHits, s.LateHits)
	e.counts(indicators, r.counts.Kinds)
	for rule, by := range r.counts.Rules {
		if by == [3]uint64{} {
			continue // most rules are for what a site does not have
		}
		for verdict, n := range by {
			e.count(ruleHits, n, rule, misp.Verdict(verdict).String())
		}
	}
	e.counts(rejected, r.counts.Rejected)
	e.distribution(waits, r.counts.Waits)
	e.count(overBudget, s.OverBudget)
	e.count(panics, r.panics)
	r.collectQueue(e)
	if r.cache != nil {
		r.collectCache(e)
	}
	if r.client != nil {
		r.collectClient(e)
	}
	if r.output != nil {
		r.collectOutput(e)
	}
}

func (r *reading) collectQueue(e emitter) {
	q := &r.stats.Pending
	e.count(queueAlerts, q.Waiting)
	e.send(queueBytes, float64(q.Bytes))
	e.send(queueLimit, float64(q.Limit))
	age := 0.0
	if !q.Oldest.IsZero() {
		age = max(0, time.Since(q.Oldest).Seconds())
	}
	e.send(queueOldest, age)
	e.count(queueDropped, q.Dropped)
	e.flag(queueMemory, q.InMemory != "")
}

func (r *reading) collectCache(e emitter) {
	c := r.cache
	e.send(cacheEntries, float64(r.entries))
	e.counts(cacheLookups, map[string]uint64{
		classHit: c.Known, classClean: c.Clean, classStale: c.Stale, classError: c.Unknown, classMiss: c.Missed,
	})
	e.count(cacheEvictions, c.Evicted)
	e.count(notAsked, c.Overflowed, string(misp.QueueFull))
}

func (r *reading) collectClient(e emitter) {
	c := r.client
	for i := range c.Servers {
		s := &c.Servers[i]
		e.counts(requests, s.Requests, s.URL)
		e.distribution(requestValues, s.Values, s.URL)
		e.distribution(requestTime, s.Seconds, s.URL)
		e.flag(heldOff, s.Held != nil, s.URL)
	}
	for reason, n := range c.Errors {
		e.count(failures, n, string(reason))
	}
	e.count(notAsked, c.Held, "held_off")
	e.counts(attributes, map[string]uint64{"yes": c.Attributes, "no": c.Dropped})
}

func (r *reading) collectOutput(e emitter) {
	e.count(outputRecords, r.output.Records)
	e.count(outputRetries, r.output.Retries)
	for _, t := range r.output.Targets {
		e.count(outputChunks, t.Chunks, t.Name)
		e.count(outputBytes, t.Bytes, t.Name)
		e.count(outputAcks, t.Acks, t.Name)
		e.count(outputFailures, t.Failed, t.Name)
		e.flag(outputUp, t.Up, t.Name)
	}
}
