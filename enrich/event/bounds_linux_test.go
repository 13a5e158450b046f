package event

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// lonely returns a page of memory before and behind which there is none.
func lonely(t *testing.T) []byte {
	page := unix.Getpagesize()
	memory, err := unix.Mmap(-1, 0, 3*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	for _, beside := range [][]byte{memory[:page], memory[2*page:]} {
		if err := unix.Mprotect(beside, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return memory[page : 2*page : 2*page]
}

func TestScanReadsTheChunkAlone(t *testing.T) {
	memory := lonely(t)
	s := taught(t, alertPaths)
	chunk := append(event(t, alert(3, "10.1.1.1", 22, true)), event(t, alert(12, "10.1.1.22", 8080, true))...)
	eachWay(t, func() {
		scanCutOff(t, s, alertPaths, chunk, func(cut []byte) []byte { return memory[:copy(memory, cut)] })
		scanCutOff(t, s, alertPaths, chunk, func(cut []byte) []byte {
			end := memory[len(memory)-len(cut):]
			copy(end, cut)
			return end
		})
	})
}

// A record that is cut off is compared with one that may be much longer.
func TestScanReadsTheLayoutAlone(t *testing.T) {
	paths := []string{"t", "last"}
	record := func(i int) pairs {
		return pairs{"t", strings.Repeat("t", i%20), "about", strings.Repeat("-", 60), "same", strings.Repeat("=", 1600), "last", i}
	}
	s := scanner(t, paths...)
	for i := range 40 {
		scan(s, paths, event(t, record(i)))
	}
	memory, moved := lonely(t), 0
	for i := range s.layouts.groups {
		if l := s.layouts.groups[i].layouts[0]; l != nil {
			l.fixed = memory[:copy(memory, l.fixed)]
			moved++
		}
	}
	if moved != 1 {
		t.Fatalf("%d layouts", moved)
	}
	chunk := event(t, record(0))
	scanCutOff(t, s, paths, chunk, func(cut []byte) []byte { return cut })
}
