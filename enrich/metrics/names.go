package metrics

import "github.com/prometheus/client_golang/prometheus"

// A Metric is what is said of one to who reads about it.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string

	value prometheus.ValueType // if it is no histogram
	desc  *prometheus.Desc
}

const prefix = "fluentbit_misp_"

// The metrics. Those of a section have its name as their first label.
var (
	alerts     = counter("alerts_total", "Alerts by what came out of their indicators; none had nothing to look up.", "verdict")
	passed     = counter("events_passed_over_total", "What reached the section and is no log event with a map.")
	lateHits   = counter("late_hits_total", "Alerts found to be hits after they had passed.")
	indicators = counter("indicators_total", "Indicators looked up, also in the cache, by kind.", "kind")
	ruleHits   = counter("rule_verdicts_total", "Indicators looked up, by the rule that took them and what came out.", "rule", "verdict")
	rejected   = counter("rejected_values_total", "Values that a rule took and that were not looked up, by reason.", "reason")
	waits      = histogram("wait_seconds", "How long chunks waited for indicators that the cache did not know.")
	overBudget = counter("waits_over_budget_total", "Chunks that waited max_wait and went on without all answers.")

	cacheEntries   = gauge("cache_entries", "Answers in the cache.")
	cacheLookups   = counter("cache_lookups_total", "Look-ups in the cache by what it had.", "class")
	cacheEvictions = counter("cache_evictions_total", "Answers that made room for others because cache_size was reached.")

	requests      = counter("requests_total", "Requests to MISP by what became of them.", "url", "outcome")
	requestValues = histogram("request_values", "Values in a request to MISP.", "url")
	requestTime   = histogram("request_duration_seconds", "Time from sending a request to MISP to the end of its answer.", "url")
	failures      = counter("errors_total", "Searches in MISP that failed, each try counted, by kind of error.", "kind")
	heldOff       = gauge("held_off", "1 while MISP is left alone because it fails, or allows no more requests.", "url")
	notAsked      = counter("values_not_asked_total", "Values that MISP was not asked about, by reason.", "reason")
	attributes    = counter("attributes_total", "Attributes that MISP answered, by whether they were asked for; others are dropped.", "asked")

	queueAlerts  = gauge("queue_alerts", "Alerts that wait for MISP.")
	queueBytes   = gauge("queue_bytes", "Bytes of the queue of alerts that wait for MISP.")
	queueLimit   = gauge("queue_limit_bytes", "Bytes that the queue may have.")
	queueOldest  = gauge("queue_oldest_age_seconds", "How long the oldest alert in the queue has waited; 0 if none waits.")
	queueDropped = counter("queue_dropped_total", "Alerts that were pushed out of a full queue, or are gone with its files: whether MISP knows them stays unknown.")
	queueMemory  = gauge("queue_in_memory", "1 while the queue is in memory only although there is a storage_path.")

	panics    = counter("panics_total", "Defects of the plugin that were caught.")
	buildInfo = global("build_info", "Which build of the plugin this is; always 1.", "version", "commit", "goversion")

	outputRecords  = counter("output_records_total", "Alerts that a target has taken, late hits apart.")
	outputRetries  = counter("output_retries_total", "Chunks that Fluent Bit was asked to send again.")
	outputChunks   = counter("output_chunks_total", "Chunks that a target has taken.", "target")
	outputBytes    = counter("output_bytes_total", "Bytes of the chunks that a target has taken, before compression.", "target")
	outputAcks     = counter("output_acks_total", "Acknowledgements by a target.", "target")
	outputFailures = counter("output_failures_total", "Attempts to send a chunk to a target that failed.", "target")
	outputUp       = gauge("output_target_up", "1 if a target took the last chunk that it was sent, or was sent none yet.", "target")
)

// The words of the label class.
const (
	classHit   = "hit"
	classClean = "clean"
	classStale = "stale"
	classError = "error"
	classMiss  = "miss"
)

const sectionLabel = "section"

var all []*Metric

// All returns every metric.
func All() []*Metric { return all }

func counter(name, help string, labels ...string) *Metric {
	return define("counter", prometheus.CounterValue, name, help, append([]string{sectionLabel}, labels...))
}

func gauge(name, help string, labels ...string) *Metric {
	return define("gauge", prometheus.GaugeValue, name, help, append([]string{sectionLabel}, labels...))
}

func histogram(name, help string, labels ...string) *Metric {
	return define("histogram", 0, name, help, append([]string{sectionLabel}, labels...))
}

// global defines a gauge of the whole plugin.
func global(name, help string, labels ...string) *Metric {
	return define("gauge", prometheus.GaugeValue, name, help, labels)
}

func define(kind string, value prometheus.ValueType, name, help string, labels []string) *Metric {
	m := &Metric{Name: prefix + name, Type: kind, Labels: labels, Help: help, value: value}
	m.desc = prometheus.NewDesc(m.Name, help, labels, nil)
	all = append(all, m)
	return m
}
