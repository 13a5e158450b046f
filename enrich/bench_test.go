package enrich

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/enrich/event"
	"fluent-bit-misp/misp/misptest"
	"fluent-bit-misp/test/gen"
)

// sshAlert is an alert of a failed login from the i-th public address.
func sshAlert(i int) string {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 11<<24+uint32(i))
	return fmt.Sprintf(`{"timestamp":"2026-03-01T10:00:00.000+0000","rule":{"level":5,"description":"sshd: authentication failed.",`+
		`"id":"5760","mitre":{"id":["T1110.001","T1021.004"],"tactic":["Credential Access"],"technique":["Password Guessing","SSH"]},`+
		`"firedtimes":3,"mail":false,"groups":["syslog","sshd","authentication_failed"],"pci_dss":["10.2.4","10.2.5"]},`+
		`"agent":{"id":"004","name":"web-01","ip":"10.0.0.14"},"manager":{"name":"wazuh"},"id":"1772359200.%d",`+
		`"full_log":"Mar  1 10:00:00 web-01 sshd[4821]: Failed password for root from %d.%d.%d.%d port 40210 ssh2",`+
		`"predecoder":{"program_name":"sshd","timestamp":"Mar  1 10:00:00","hostname":"web-01"},`+
		`"decoder":{"parent":"sshd","name":"sshd"},"data":{"srcip":"%d.%d.%d.%d","srcport":"40210","dstuser":"root"},"location":"journald"}`,
		i, ip[0], ip[1], ip[2], ip[3], ip[0], ip[1], ip[2], ip[3])
}

// A load is alerts in chunks of about the size in which Fluent Bit reads them.
type load struct {
	chunks        [][]byte
	alerts, bytes int
}

const (
	loadAlerts    = 2000
	loadPerChunk  = 20
	loadPool      = 500 // values of each kind
	listedIP      = "203.0.113.66"
	listedDomain  = "evil.example.com"
	listedURL     = "http://evil.example.com/loader.bin"
	listedMD5     = "5d41402abc4b2a76b9719d911017c592"
	listedSHA1    = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
	listedSHA256  = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	listedComment = "seen in the wild"
)

var listed = map[string][]string{
	"ip": {listedIP}, "domain": {listedDomain}, "url": {listedURL},
	"md5": {listedMD5}, "sha1": {listedSHA1}, "sha256": {listedSHA256},
}

// mixed is the generator's mix of alerts, one in every of which carries an
// indicator that listing has; none if every is 0.
func mixed(tb testing.TB, every int) load {
	plain, hitting := gen.New(1), gen.New(2)
	plain.Pool, hitting.Pool = loadPool, loadPool
	hitting.Listed, hitting.Share = listed, 1
	var l load
	var lines []string
	for i := range loadAlerts {
		alert := plain.Next()
		for every > 0 && i%every == 0 && alert.Kind == "" {
			alert = hitting.Next()
		}
		lines = append(lines, string(alert.Line))
		if len(lines) == loadPerChunk {
			c := chunk(tb, lines...)
			l.chunks = append(l.chunks, c)
			l.bytes += len(c)
			lines = lines[:0]
		}
	}
	l.alerts = loadAlerts
	return l
}

// listing has every listed indicator once.
func listing() *misptest.Database {
	db := &misptest.Database{}
	e := misptest.Event{Info: "Loader", Date: "2026-02-03", ThreatLevel: 1, Published: true,
		Org: misptest.Org{Name: "CERT"}, Tags: misptest.Tags("tlp:amber", "type:osint")}
	for kind, category := range map[string]string{
		"ip": "Network activity", "domain": "Network activity", "url": "Network activity",
		"md5": "Payload delivery", "sha1": "Payload delivery", "sha256": "Payload delivery",
	} {
		typ := kind
		if kind == "ip" {
			typ = "ip-dst"
		}
		e.Attributes = append(e.Attributes, misptest.Attribute{Type: typ, Category: category, Value: listed[kind][0],
			Comment: listedComment, ToIDs: true, Timestamp: 1700000000})
	}
	db.Add(e)
	return db
}

// run enriches every chunk of a load.
func (l *load) run(e *Engine, alloc func(int) []byte) {
	for _, c := range l.chunks {
		e.Enrich(context.Background(), c, alloc)
	}
}

func (l *load) report(b *testing.B) {
	b.SetBytes(int64(l.bytes))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(l.alerts*b.N), "ns/alert")
}

// block returns an alloc that gives the same memory again.
func block() func(int) []byte {
	out := make([]byte, 1<<20)
	return func(n int) []byte { return out[:n] }
}

// BenchmarkWalk is a bare walk: what it costs to find the end of every value.
func BenchmarkWalk(b *testing.B) {
	for _, bb := range []struct {
		name  string
		every int
	}{{"no hit", 0}, {"all hit", 1}} {
		b.Run(bb.name, func(b *testing.B) {
			l := mixed(b, bb.every)
			var arrays [][]byte // one value with all events of a chunk
			for _, c := range l.chunks {
				arrays = append(arrays, append([]byte{0xdc, 0, loadPerChunk}, c...))
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, a := range arrays {
					if !event.Whole(a) {
						b.Fatal("not an array of events")
					}
				}
			}
			l.report(b)
		})
	}
}

// BenchmarkScan finds the values at the paths of the rules.
func BenchmarkScan(b *testing.B) {
	e, _ := start(b, listing())
	s := event.NewScanner(e.paths)
	l := mixed(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range l.chunks {
			for s.Reset(c); s.Next(); {
			}
		}
	}
	l.report(b)
}

func BenchmarkEngine(b *testing.B) {
	for _, bb := range []struct {
		name  string
		every int
		more  []string
	}{
		{"no hit", 0, nil},
		{"no hit, 200 rules more", 0, []string{"rules", "default," + moreRules(b)}},
		{"one in 1000 hits", 1000, nil},
		{"all hit", 1, nil},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e, _ := start(b, listing(), bb.more...)
			l := mixed(b, bb.every)
			alloc := block()
			l.run(e, alloc)
			b.ReportAllocs()
			for b.Loop() {
				l.run(e, alloc)
			}
			l.report(b)
		})
	}
}

// BenchmarkCold looks up 50,000 values that MISP does not know, when it takes 65
// milliseconds for a request, as a real one does.
func BenchmarkCold(b *testing.B) {
	const values, perChunk = 50_000, 500
	var chunks [][]byte
	for from := 0; from < values; from += perChunk {
		var lines []string
		for i := range perChunk {
			lines = append(lines, sshAlert(from+i))
		}
		chunks = append(chunks, chunk(b, lines...))
	}
	for b.Loop() {
		b.StopTimer()
		e, server := start(b, database())
		server.Fault(misptest.Latency(65 * time.Millisecond))
		b.StartTimer()
		for _, c := range chunks {
			e.Enrich(context.Background(), c, nil)
		}
		if n := e.Stats().Clean; n != values {
			b.Fatalf("%d values were answered", n)
		}
	}
	b.ReportMetric(float64(values*b.N)/b.Elapsed().Seconds(), "values/s")
}

// moreRules writes 200 rules, none of which holds, and returns the file: half
// of them take fields that the default rules take, half fields of their own.
func moreRules(tb testing.TB) string {
	var src strings.Builder
	src.WriteString("version: 1\nrules:\n")
	for i := range 100 {
		fmt.Fprintf(&src, "  - {name: same-%d, when: {rule.groups: group-%d, decoder.name: decoder-%d}, lookup: [{field: data.srcip, type: ip}]}\n", i, i, i)
		fmt.Fprintf(&src, "  - {name: own-%d, when: {data.product: product-%d}, lookup: [{field: data.product_%d.address, type: ip}]}\n", i, i, i)
	}
	name := filepath.Join(tb.TempDir(), "more.yaml")
	if err := os.WriteFile(name, []byte(src.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}
