package gen

import (
	"os"
	"strings"
	"testing"
)

func TestFileIsRotatedAsWazuhDoes(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, err := os.Open(f.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	before, _ := reader.Stat()

	long := strings.Repeat("x", bufferSize)
	do(t, f.Write([]byte(long)))
	if text, _ := os.ReadFile(f.Path()); len(text) != bufferSize {
		t.Errorf("%d bytes are readable before the flush, want %d, which is no whole line", len(text), bufferSize)
	}
	do(t, f.NextDay())
	do(t, f.Write([]byte("second day")))
	do(t, f.Flush())

	now, err := os.Stat(f.Path())
	if err != nil || os.SameFile(before, now) {
		t.Errorf("alerts.json is still the file of the first day (%v)", err)
	}
	if text, _ := os.ReadFile(f.Path()); string(text) != "second day\n" {
		t.Errorf("alerts.json holds %q", text)
	}
	if text, _ := os.ReadFile(f.dayPath(1)); string(text) != long+"\n" {
		t.Errorf("the first day's file holds %d bytes, want %d", len(text), len(long)+1)
	}
	do(t, f.Compress())
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v are left, want alerts.json and the second day's file", entries)
	}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
