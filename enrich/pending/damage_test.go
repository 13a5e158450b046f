package pending

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// Damage costs what it hits and nothing else. The file is kept.
func TestDamaged(t *testing.T) {
	tests := []struct {
		name   string
		damage func(b []byte) []byte
		want   []string
	}{
		{"cut off", func(b []byte) []byte { return b[:len(b)-3] }, wants(0, 9)},
		{"a changed byte", func(b []byte) []byte { b[headSize+3] ^= 1; return b }, wants(1, 10)},
		{"a changed length", func(b []byte) []byte { b[4] = 0xff; return b }, wants(1, 10)},
		{"a shorter length", func(b []byte) []byte { b[7]--; return b }, wants(1, 10)},
		{"zeros behind", func(b []byte) []byte { return append(b, make([]byte, 10_000)...) }, wants(0, 10)},
		{"garbage in the middle", func(b []byte) []byte {
			at := 5 * (headSize + len("entry 0"))
			return append(append(bytes.Clone(b[:at]), "garbage"...), b[at:]...)
		}, wants(0, 10)},
		{"only garbage", func(b []byte) []byte { return bytes.Repeat([]byte("garbage"), 100) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "queue")
			q := open(t, Config{Dir: dir})
			put(q, 0, 10)
			q.Close()
			name := filepath.Join(dir, segmentName(0))
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			b = tt.damage(b)
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				q = open(t, Config{Dir: dir})
				got, _ := rest(q)
				same(t, got, tt.want)
				q.Close()
			}
			if kept, _ := os.ReadFile(name + damagedExt); !bytes.Equal(kept, b) {
				t.Error("the damaged file was not kept")
			}
			q = open(t, Config{Dir: dir})
			put(q, 10, 12)
			got, _ := rest(q)
			same(t, got, append(tt.want, wants(10, 12)...))
		})
	}
}

func TestDamagedDone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := open(t, Config{Dir: dir})
	put(q, 0, 10)
	q.Done(q.Next(5)[4].Number)
	q.Close()
	for _, b := range [][]byte{{}, []byte("short"), make([]byte, 12), make([]byte, 100)} {
		if err := os.WriteFile(filepath.Join(dir, doneName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		q = open(t, Config{Dir: dir})
		got, _ := rest(q)
		same(t, got, wants(0, 10)) // rather twice than never
		if n := q.Stats().Damaged; n != 1 && len(b) != 12 {
			t.Errorf("%d files are damaged, want 1", n)
		}
		q.Close()
	}
}

// FuzzRecords holds the reading of a damaged file to its property: whatever the
// damage, the records before and behind it are found.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("first"), []byte("damage"), []byte("last"))
	f.Add([]byte{}, appendRecord(nil, Entry{1, []byte("x")})[:22], []byte{0xf5, 0xa7})
	f.Fuzz(func(t *testing.T, first, damage, last []byte) {
		b := appendRecord(nil, Entry{1, first})
		b = append(b, damage...)
		b = appendRecord(b, Entry{1 << 40, last})
		entries, _ := records(b)
		n := len(entries)
		if n < 2 || entries[0].Number != 1 || !bytes.Equal(entries[0].Data, first) ||
			entries[n-1].Number != 1<<40 || !bytes.Equal(entries[n-1].Data, last) {
			t.Errorf("got %v", entries)
		}
	})
}

// FuzzOpen opens a queue whose files hold anything.
func FuzzOpen(f *testing.F) {
	f.Add(appendRecord(nil, Entry{3, []byte("three")}), []byte("done"))
	f.Add([]byte{}, make([]byte, 12))
	f.Fuzz(func(t *testing.T, segment, done []byte) {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, segmentName(3)), segment, 0o600)
		os.WriteFile(filepath.Join(dir, doneName), done, 0o600)
		q, err := Open(Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		q.Put(context.Background(), []byte("more"))
		got, last := rest(q)
		if len(got) == 0 || got[len(got)-1] != "more" {
			t.Fatalf("got %q", got)
		}
		q.Done(last)
		q.Close()
		if q, err = Open(Config{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		if got, _ := rest(q); got != nil {
			t.Errorf("what is done is there again: %q", got)
		}
	})
}

// A file that has nothing of the queue in it is not kept in its place: empty,
// which a full disk leaves behind, it is removed, and damaged, set aside.
func TestNothingInIt(t *testing.T) {
	for text, aside := range map[string]int{"": 0, "garbage": 1} {
		dir := filepath.Join(t.TempDir(), "queue")
		open(t, Config{Dir: dir}).Close()
		file := filepath.Join(dir, segmentName(1<<20))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		q := open(t, Config{Dir: dir})
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%q: the file is still there", text)
		}
		if names, _ := filepath.Glob(filepath.Join(dir, "*"+damagedExt)); len(names) != aside {
			t.Errorf("%q: set aside: %q, want %d", text, names, aside)
		}
		put(q, 0, 5)
		got, last := rest(q)
		same(t, got, wants(0, 5))
		q.Done(last)
		q.Close()
		if names, _ := filepath.Glob(filepath.Join(dir, "*"+segmentExt)); names != nil {
			t.Errorf("%q: segments are left: %q", text, names)
		}
	}
}
