package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fluent-bit-misp/conf"
)

// secrets checks who else may read a key that stands in the configuration. The
// plugin itself warns of one in a file of its own.
func (c *checker) secrets(s *conf.Section) {
	p, set := s.Get("api_key")
	if !set || p.Value == "" || c.fromOutside(p) {
		return
	}
	if info, err := os.Stat(p.Place.File); err == nil && info.Mode()&0o004 != 0 {
		c.unwise(p.Place, "api_key: everybody may read this file, and the key in it; put the key into a file of its own and name that with api_key_file")
	}
}

// state checks that what the plugin makes at its start can be made.
func (c *checker) state(s *conf.Section) {
	if p, set := s.Get("storage_path"); set && p.Unset == "" && missing(p.Value) {
		c.writable(p, existing(p.Value))
	}
	if p, set := s.Get("late_hits_file"); set && p.Unset == "" && missing(p.Value) {
		c.writable(p, filepath.Dir(p.Value))
	}
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// fromOutside reports whether the value is that of a variable of the
// environment: then it does not stand in the file.
func (c *checker) fromOutside(p conf.Property) bool {
	src, err := os.ReadFile(p.Place.File)
	if err != nil {
		return true
	}
	lines := strings.Split(string(src), "\n")
	return p.Place.Line > len(lines) || !strings.Contains(lines[p.Place.Line-1], p.Value)
}

// access checks the files of a tail input.
func (c *checker) access(s *conf.Section) {
	if p, set := s.Get("path"); set && p.Unset == "" {
		for path := range strings.SplitSeq(p.Value, ",") {
			c.alertsFile(p, strings.TrimSpace(path))
		}
	}
	if p, set := s.Get("db"); set && p.Unset == "" {
		c.writable(p, filepath.Dir(p.Value))
	}
	for _, service := range c.sections("service") {
		if p, set := service.Get("storage.path"); set && p.Unset == "" {
			c.writable(p, existing(p.Value))
		}
	}
}

func (c *checker) alertsFile(p conf.Property, pattern string) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		c.exists(conf.Property{Key: p.Key, Value: pattern, Place: p.Place},
			": is Wazuh's manager here, with jsonout_output, and may this user (of the group wazuh?) look into its folder?")
		return
	}
	for _, file := range files {
		const read = 4
		if err := syscall.Access(file, read); err != nil {
			c.mistake(p.Place, "%s %s: %v: the user of Fluent Bit must be in the group wazuh", p.Key, file, err)
		}
	}
}

// writable checks that a directory is there and can be written to.
func (c *checker) writable(p conf.Property, dir string) {
	const write = 2
	switch err := syscall.Access(dir, write); {
	case errors.Is(err, fs.ErrNotExist):
		c.mistake(p.Place, "%s: there is no directory %s; mend it with: mkdir -p %s", p.Key, dir, dir)
	case err != nil:
		c.mistake(p.Place, "%s: cannot write to the directory %s: %v", p.Key, dir, err)
	}
}

// existing returns the deepest directory of a path that is there: Fluent Bit
// makes those below.
func existing(path string) string {
	for path != filepath.Dir(path) {
		if !missing(path) {
			return path
		}
		path = filepath.Dir(path)
	}
	return path
}

// exists reports whether the file is there that an option names, and if not,
// makes a mistake of it with the advice.
func (c *checker) exists(p conf.Property, advice string) bool {
	if p.Unset != "" {
		return false
	}
	if _, err := os.Stat(p.Value); err != nil {
		c.mistake(p.Place, "%s %s: %v%s", p.Key, p.Value, errors.Unwrap(err), advice)
		return false
	}
	return true
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}
