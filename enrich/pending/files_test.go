package pending

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRefusedDirectories(t *testing.T) {
	base := t.TempDir()
	join := func(name string) string { return filepath.Join(base, name) }
	try := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	type test struct {
		make func(dir string)
		want string
	}
	tests := map[string]test{
		"a file":           {func(dir string) { try(os.WriteFile(dir, nil, 0o600)) }, "it is not a directory"},
		"a link":           {func(dir string) { try(os.Symlink(base, dir)) }, "it is a symbolic link"},
		"a link to naught": {func(dir string) { try(os.Symlink(join("naught"), dir)) }, "it is a symbolic link"},
		"others write":     {func(dir string) { try(os.Mkdir(dir, 0o700)); try(os.Chmod(dir, 0o777)) }, "others may write to it (mode 0777)"},
		"a link in it": {func(dir string) {
			try(os.Mkdir(dir, 0o700))
			try(os.Symlink("/etc/passwd", filepath.Join(dir, segmentName(0))))
		}, "0000000000000000.segment: it is a symbolic link"},
		"a link for a lock": {func(dir string) {
			try(os.Mkdir(dir, 0o700))
			try(os.Symlink(join("elsewhere"), filepath.Join(dir, "lock")))
		}, "lock: it is a symbolic link"},
		"below a file": {func(dir string) { try(os.WriteFile(filepath.Dir(dir), nil, 0o600)) }, "not a directory"},
	}
	if os.Geteuid() == 0 { // nobody else can give files away
		const want = "it belongs to user 1234, not to 0, as whom this runs"
		tests["of another user"] = test{func(dir string) {
			try(os.Mkdir(dir, 0o700))
			try(os.Chown(dir, 1234, 1234))
		}, want}
		tests["a file of another user"] = test{func(dir string) {
			try(os.Mkdir(dir, 0o700))
			try(os.WriteFile(filepath.Join(dir, doneName), nil, 0o666))
			try(os.Chown(filepath.Join(dir, doneName), 1234, 1234))
		}, "done: " + want}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := join(strings.ReplaceAll(name, " ", "-"))
			if name == "below a file" {
				dir = filepath.Join(dir, "queue")
			}
			tt.make(dir)
			q, err := Open(Config{Dir: dir})
			if err == nil {
				q.Close()
				t.Fatal("it was opened")
			}
			if err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	q := open(t, Config{Dir: dir})
	put(q, 0, 2)
	q.Done(q.Next(1)[0].Number)
	q.Close()
	n := 0
	filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if n++; info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if n != 4 {
		t.Errorf("%d files, want the directory, lock, done, and a segment", n)
	}
}

// What waits for something else is left alone.
func TestLabel(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	reopen := func(label, want string) {
		t.Helper()
		q, err := Open(Config{Dir: dir, Label: label})
		if got := fmt.Sprint(err); got != want {
			t.Fatalf("%q: got %s, want %s", label, got, want)
		}
		if err == nil {
			q.Close()
		}
	}
	const fits, other = "<nil>", "it holds what is for something else"
	reopen("a", fits)
	reopen("b", fits) // nothing waits
	q := open(t, Config{Dir: dir})
	put(q, 0, 2)
	q.Close()
	reopen("a", other)
	reopen("", fits)
	reopen("b", fits)
	q = open(t, Config{Dir: dir, Label: "b"})
	q.Done(q.Next(2)[1].Number)
	q.Close()
	reopen("a", fits)
	q = open(t, Config{Dir: dir, Label: "a"})
	put(q, 2, 3)
	q.Close()
	if err := os.Remove(filepath.Join(dir, labelName)); err != nil {
		t.Fatal(err)
	}
	reopen("c", fits)
	reopen("a", other)
}

// What was put is there after kill -9, as soon as Put has returned.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	if os.Getenv("PENDING_DIR") != "" {
		putForever(os.Getenv("PENDING_DIR"))
	}
	next := 0
	for range 5 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
		cmd.Env = append(os.Environ(), "PENDING_DIR="+dir, fmt.Sprintf("PENDING_NEXT=%d", next))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(300*time.Millisecond, func() { cmd.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Sscan(lines.Text(), &next)
			next++
		}
		cmd.Wait()
		q := open(t, Config{Dir: dir})
		got, _ := rest(q)
		if len(got) < next {
			t.Fatalf("%d entries, want %d", len(got), next)
		}
		same(t, got[:next], wants(0, next))
		next = len(got)
		q.Close()
	}
	if next < 100 {
		t.Errorf("only %d entries were put", next)
	}
}

func putForever(dir string) {
	q, err := Open(Config{Dir: dir})
	if err != nil {
		panic(err)
	}
	var next int
	fmt.Sscan(os.Getenv("PENDING_NEXT"), &next)
	for ; ; next++ {
		q.Put(context.Background(), fmt.Appendf(nil, "entry %d", next))
		fmt.Println(next)
	}
}
