package gen

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// A filler makes the values of one alert, each name once.
type filler struct {
	g      *Generator
	values map[string]string
}

func (f *filler) value(name string) string {
	v, known := f.values[name]
	if !known {
		v = f.make(name)
		f.values[name] = v
	}
	return v
}

// make returns a value that is safe within a JSON string.
func (f *filler) make(name string) string {
	g := f.g
	kind, which, _ := strings.Cut(name, ".")
	switch kind {
	case "timestamp":
		return g.clock.Format("2006-01-02T15:04:05.000-0700")
	case "utc":
		return g.clock.Format("2006-01-02 15:04:05.000")
	case "utc_iso":
		return g.clock.Format("2006-01-02T15:04:05.0000000Z")
	case "local":
		return g.clock.Format("2006-01-02T15:04:05")
	case "suricata":
		return g.clock.Format("2006-01-02T15:04:05.000000-0700")
	case "syslog":
		return g.clock.Format("Jan _2 15:04:05")
	case "clf":
		return g.clock.Format("02/Jan/2006:15:04:05 -0700")
	case "id":
		return fmt.Sprintf("%d.%d", g.clock.Unix(), g.offset)

	case "manager":
		return "wazuh-manager"
	case "agent": // a number from which the other three follow
		return fmt.Sprint(1 + g.random.IntN(200))
	case "agent_id":
		return fmt.Sprintf("%03s", f.value("agent"))
	case "agent_name":
		return "host-" + f.value("agent_id")
	case "agent_ip":
		return "10.20.1." + f.value("agent")
	case "private":
		return fmt.Sprintf("10.20.%d.%d", 2+g.random.IntN(30), 1+g.random.IntN(250))
	case "port":
		return fmt.Sprint(1024 + g.random.IntN(60000))
	case "pid":
		return fmt.Sprint(400 + g.random.IntN(30000))
	case "record", "size":
		return fmt.Sprint(10000 + g.random.IntN(9000000))
	case "guid":
		h := g.hex(16)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	case "user":
		return pick(g, users)
	case "file":
		return g.word(2) + ".exe"
	case "parent":
		return pick(g, parents)
	case "args":
		words := make([]string, g.random.IntN(60))
		for i := range words {
			words[i] = "-" + g.word(1+g.random.IntN(3))
		}
		return strings.Join(words, " ")

	case "MD5", "SHA1", "SHA256", "IMPHASH":
		return strings.ToUpper(f.value(strings.ToLower(name)))
	case "content": // of a file, from which its digests follow
		return fmt.Sprint(g.index(kind))
	case "md5", "imphash":
		sum := md5.Sum([]byte(kind + f.value("content."+which)))
		return hex.EncodeToString(sum[:])
	case "sha1":
		sum := sha1.Sum([]byte(kind + f.value("content."+which)))
		return hex.EncodeToString(sum[:])
	case "ja3":
		sum := md5.Sum(g.seed(kind))
		return hex.EncodeToString(sum[:])
	case "fingerprint":
		sum := sha1.Sum(g.seed(kind))
		return strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":")
	case "sha256":
		sum := sha256.Sum256([]byte(kind + f.value("content."+which)))
		return hex.EncodeToString(sum[:])
	case "ip":
		return address(g.index("ip"))
	case "domain":
		return domain(g.index("domain"))
	case "url":
		n := g.index("url")
		return fmt.Sprintf("http://%s/files/%d/setup.bin", domain(n), n)
	case "url_host":
		host, _, _ := strings.Cut(strings.TrimPrefix(f.value("url"), "http://"), "/")
		return host
	case "url_path":
		return strings.TrimPrefix(f.value("url"), "http://"+f.value("url_host"))
	}
	panic("a template has an unknown value ${" + name + "}")
}

// index returns which value of a kind comes next.
func (g *Generator) index(kind string) int {
	if g.Pool > 0 {
		return g.random.IntN(g.Pool)
	}
	g.next[kind]++
	return g.next[kind] - 1
}

// seed returns what a digest of that kind is of.
func (g *Generator) seed(kind string) []byte {
	return binary.BigEndian.AppendUint64([]byte(kind), uint64(g.index(kind)))
}

// address returns the nth address, no two being the same up to a billion. All
// lie between 23.0.0.0 and 86.255.255.255, where nothing is private.
func address(n int) string {
	scattered := uint32(n) * 0x9e3779b1 & (1<<30 - 1) // an odd factor: one to one
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], scattered)
	return fmt.Sprintf("%d.%d.%d.%d", 23+b[0], b[1], b[2], b[3])
}

// domain returns the nth name, no two being the same.
func domain(n int) string {
	var name []byte
	for range 3 {
		name = append(name, consonants[n%len(consonants)], vowels[n/len(consonants)%len(vowels)])
		n /= len(consonants) * len(vowels)
	}
	host := pickAt(hosts, n)
	return fmt.Sprintf("%s.%s-%d.example", host, name, n)
}

const (
	consonants = "bdfgklmnprstvz"
	vowels     = "aeiou"
)

var (
	hosts   = []string{"www", "cdn", "api", "static", "mail", "update"}
	users   = []string{"alice", "bjoern", "carla", "deniz", "erik", "fatima", "goran", "hana"}
	parents = []string{"cmd.exe", "explorer.exe", "winword.exe", "svchost.exe", "rundll32.exe"}
)

func pick(g *Generator, from []string) string { return pickAt(from, g.random.Int()) }

func pickAt(from []string, n int) string { return from[n%len(from)] }

// word returns a made-up word of that many syllables.
func (g *Generator) word(syllables int) string {
	var w []byte
	for range syllables {
		w = append(w, consonants[g.random.IntN(len(consonants))], vowels[g.random.IntN(len(vowels))])
	}
	return string(w)
}

// hex returns n random bytes in hexadecimal.
func (g *Generator) hex(n int) string {
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, g.random.Uint64())
	}
	return hex.EncodeToString(b[:n])
}
