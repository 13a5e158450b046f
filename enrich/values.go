package enrich

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fluent-bit-misp/misp"
	"fluent-bit-misp/misp/file"
)

// The values of options, read from text into Options.

func setKeyFile(o *Options, path string) error {
	// Whatever is wrong with the file, a key that is not set is not.
	o.MISP.APIKey = misp.NewSecret("unread")
	text, err := file.Read(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		o.Warnings = append(o.Warnings, fmt.Sprintf("api_key_file %q: others than its owner may read it (mode %04o): want 0600", path, info.Mode().Perm()))
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return errors.New("the file is empty")
	}
	o.MISP.APIKey = misp.NewSecret(key)
	return nil
}

func setPendingSize(o *Options, v string) error {
	digits := strings.TrimRight(strings.ToUpper(v), "B")
	unit := int64(1)
	if n := len(digits) - 1; n > 0 {
		if shift := strings.IndexByte("KMG", digits[n]); shift >= 0 {
			digits, unit = digits[:n], 1<<(10*(shift+1))
		}
	}
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || size > maxPendingSize/unit || size*unit < minPendingSize {
		return errAccept
	}
	o.PendingSize = size * unit
	return nil
}

const (
	minPendingSize = 1 << 20
	maxPendingSize = 1 << 40
)

func setText(field func(*Options) *string) func(*Options, string) error {
	return func(o *Options, v string) error {
		*field(o) = v
		return nil
	}
}

func setMetricsListen(o *Options, v string) error {
	if strings.EqualFold(v, "off") {
		return nil
	}
	if path, unix := strings.CutPrefix(v, "unix:"); unix {
		if !filepath.IsAbs(path) || strings.HasSuffix(path, "/") || len(path) > maxSocketPath {
			return fmt.Errorf("%s is not the absolute path of a socket, of up to %d bytes", path, maxSocketPath)
		}
		o.MetricsListen = "unix:" + filepath.Clean(path)
		return nil
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return errAccept
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port from 1 to 65535", port)
	}
	switch host {
	case "":
		host = "::" // every address
	case "localhost":
		host = "127.0.0.1"
	}
	// A name would have to be resolved at every start.
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("%q is no IP address", host)
	}
	if !ip.IsLoopback() {
		o.Warnings = append(o.Warnings, fmt.Sprintf("metrics_listen %q: whoever can reach this address can read the metrics, which need no password; "+
			"want 127.0.0.1, or a firewall in front of it", v))
	}
	o.MetricsListen = net.JoinHostPort(ip.String(), port)
	return nil
}

// maxSocketPath is how long the path of a unix socket may be, in bytes.
const maxSocketPath = 107

func setPrefix(o *Options, v string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
	if len(v) > 32 || strings.Trim(v, letters) != "" {
		return errAccept
	}
	o.Prefix = v
	return nil
}

func setFields(o *Options, v string) error {
	o.Fields = make(map[string]bool)
	var unknown []string
	for _, name := range list(v) {
		name = strings.TrimPrefix(name, "misp_")
		if !isField(name) {
			unknown = append(unknown, name)
		}
		o.Fields[name] = true
	}
	if unknown != nil {
		return fmt.Errorf("there is no field %s", strings.Join(unknown, ", "))
	}
	if len(o.Fields) == 0 {
		return errAccept
	}
	return nil
}

func setList(field *[]string, v string) error {
	if *field = list(v); len(*field) == 0 {
		return errAccept
	}
	return nil
}

func durationOption(field func(*Options) *time.Duration) func(*Options, string) error {
	return func(o *Options, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d <= 0 {
			return errAccept
		}
		*field(o) = d
		return nil
	}
}

func numberOption(field func(*Options) *int) func(*Options, string) error {
	return func(o *Options, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return errAccept
		}
		*field(o) = n
		return nil
	}
}

func filterOption(field func(*Options) *misp.Filter) func(*Options, string) error {
	return func(o *Options, v string) error {
		f, err := misp.ParseFilter(v)
		if err != nil {
			return errAccept
		}
		*field(o) = f
		return nil
	}
}

func wordOption[T any](words map[string]T, field func(*Options) *T) func(*Options, string) error {
	return func(o *Options, v string) error {
		word, ok := words[strings.ToLower(v)]
		if !ok {
			return errAccept
		}
		*field(o) = word
		return nil
	}
}

// parseBool takes what Fluent Bit takes for a boolean.
func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1":
		return true, nil
	case "off", "false", "no", "0":
		return false, nil
	}
	return false, errAccept
}

// list splits at commas and blanks.
func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}
