package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	zipped := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, s)
		w.Close()
		return b.String()
	}
	long := strings.Repeat("x", 3<<20)
	tests := []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"lines", "a\n\nb\r\n", []string{"a", "", "b"}},
		{"no end", "a\nb", []string{"a", "b"}},
		{"a long one", long + "\nb\n", []string{long, "b"}},
		{"gzipped", zipped("a\nb\n"), []string{"a", "b"}},
		{"a byte order mark", "\ufeffa\n\ufeffb\n", []string{"a", "\ufeffb"}},
		{"a byte order mark, gzipped", zipped("\ufeffa\n"), []string{"a"}},
		{"a byte order mark and nothing else", "\ufeff", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l, err := openLines("-", strings.NewReader(test.in))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for {
				line, err := l.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(line))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %d lines %.100q, want %.100q", len(got), got, test.want)
			}
		})
	}
}
