package chaos

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A nameserver answers questions about names, or fails to.
type nameserver struct {
	conn net.PacketConn
	conf string // the resolv.conf that names it

	mu     sync.Mutex
	answer reply
}

// A reply is what a nameserver says to a query, nothing if it is empty.
type reply func(query []byte) []byte

// newNameserver starts one at a loopback address of its own. Not everybody can:
// there is no port but 53 for it.
func newNameserver(t *testing.T) (n *nameserver, ok bool) {
	ip := net.IPv4(127, byte(1+rand.N(250)), byte(rand.N(250)), byte(2+rand.N(250)))
	conn, err := net.ListenPacket("udp", ip.String()+":53")
	if err != nil || exec.Command("unshare", "-m", "true").Run() != nil {
		return nil, false
	}
	n = &nameserver{conn: conn, conf: filepath.Join(t.TempDir(), "resolv.conf"), answer: says(0, 127, 0, 0, 1)}
	if err := os.WriteFile(n.conf, fmt.Appendf(nil, "nameserver %v\n", ip), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go n.serve()
	return n, true
}

func (n *nameserver) serve() {
	for {
		query := make([]byte, 512)
		size, from, err := n.conn.ReadFrom(query)
		if err != nil {
			return
		}
		n.mu.Lock()
		answer := n.answer
		n.mu.Unlock()
		go func() {
			if b := answer(query[:size]); len(b) > 0 {
				_, _ = n.conn.WriteTo(b, from)
			}
		}()
	}
}

func (n *nameserver) set(r reply) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = r
}

// says answers with flags, and for an IPv4 address with that one, if there is
// one.
func says(flags uint16, address ...byte) reply {
	return func(query []byte) []byte {
		const head = 12
		end := head + slices.Index(query[head:], 0) + 5 // of the question
		b := slices.Clone(query[:end])
		binary.BigEndian.PutUint16(b[2:], 0x8180|flags)
		clear(b[6:head])
		if isA := b[end-3] == 1; isA && len(address) > 0 {
			b[7] = 1
			b = append(b, 0xc0, head, 0, 1, 0, 1, 0, 0, 0, 0, 0, byte(len(address)))
			b = append(b, address...)
		}
		return b
	}
}

func garbage(from int) reply {
	return func(query []byte) []byte {
		b := slices.Clone(query[:min(from, len(query))])
		for range 20 + rand.N(400) {
			b = append(b, byte(rand.Uint32()))
		}
		return b
	}
}

// What a nameserver can do wrong.
var badReplies = map[string]reply{
	"silent":        func([]byte) []byte { return nil },
	"slow":          func(query []byte) []byte { time.Sleep(2 * time.Second); return says(0, 127, 0, 0, 1)(query) },
	"no such name":  says(3),
	"fails":         says(2),
	"no address":    says(0),
	"cut off":       says(0x200, 127, 0, 0, 1),
	"wrong address": says(0, 127, 255, 255, 254),
	"odd address":   says(0, 127, 0, 0),
	"garbage":       garbage(0),
	"garbage in it": garbage(12),
	"names in a circle": func(query []byte) []byte {
		b := says(0, 127, 0, 0, 1)(query)
		return append(b[:12], append([]byte{0xc0, 12}, b[12:]...)...)
	},
}

// However a nameserver fails, alerts flow.
func TestNameserver(t *testing.T) {
	t.Parallel()
	names := []string{"silent", "slow", "no such name", "garbage in it"}
	if *long {
		names = slices.Sorted(maps.Keys(badReplies))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, ok := newNameserver(t)
			if !ok {
				return // TestNameNotFound has shown what comes of a name that is not found
			}
			s := newSite(t)
			_, port, _ := strings.Cut(s.address, ":")
			through(t, s, func(s *site) func() {
				n.set(badReplies[name])
				s.down() // or nobody would ask for the name again
				s.up()
				return func() { n.set(says(0, 127, 0, 0, 1)) }
			}, "url=http://misp.chaos.example:"+port, "resolv.conf="+n.conf)
		})
	}
}
