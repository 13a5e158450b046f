package pending

import (
	"context"
	"path/filepath"
	"testing"
)

// BenchmarkPut puts what a chunk of 20 alerts leaves unanswered, until it is on
// disk.
func BenchmarkPut(b *testing.B) {
	q := open(b, Config{Dir: filepath.Join(b.TempDir(), "queue")})
	for b.Loop() {
		var entries [][]byte
		for range 20 {
			entries = append(entries, make([]byte, 300))
		}
		q.Put(context.Background(), entries...)
	}
}
