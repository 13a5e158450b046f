package enrich

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"fluent-bit-misp/enrich/event"
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

// benchChunk is 20 alerts, about what Fluent Bit reads at once.
func benchChunk(b *testing.B, hits int) []byte {
	var lines []string
	for i := range 20 {
		alert := sshAlert(i)
		if i < hits {
			alert = strings.ReplaceAll(alert, fmt.Sprintf("11.0.0.%d", i), "203.0.113.5")
		}
		lines = append(lines, alert)
	}
	return chunk(b, lines...)
}

func perAlert(b *testing.B, size int) {
	b.SetBytes(int64(size))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(20*b.N), "ns/alert")
}

// BenchmarkWalk is a bare walk: what it costs to look at every byte at all.
func BenchmarkWalk(b *testing.B) {
	c := benchChunk(b, 0)
	paths, err := event.NewPaths(nil)
	if err != nil {
		b.Fatal(err)
	}
	s := event.NewScanner(paths)
	b.ReportAllocs()
	for b.Loop() {
		for s.Reset(c); s.Next(); {
		}
	}
	perAlert(b, len(c))
}

func BenchmarkEngine(b *testing.B) {
	for _, bb := range []struct {
		name string
		hits int
	}{{"no hit", 0}, {"one in 20 hits", 1}, {"all hit", 20}} {
		b.Run(bb.name, func(b *testing.B) {
			e, _ := start(b, database())
			c := benchChunk(b, bb.hits)
			out := make([]byte, 4*len(c)+1<<16)
			alloc := func(n int) []byte { return out[:n] }
			e.Enrich(context.Background(), c, alloc)
			b.ReportAllocs()
			for b.Loop() {
				e.Enrich(context.Background(), c, alloc)
			}
			perAlert(b, len(c))
		})
	}
}

func BenchmarkEngineParallel(b *testing.B) {
	e, _ := start(b, database())
	c := benchChunk(b, 0)
	e.Enrich(context.Background(), c, nil)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.Enrich(context.Background(), c, nil)
		}
	})
	perAlert(b, len(c))
}
