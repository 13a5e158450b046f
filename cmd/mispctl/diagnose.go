package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fluent-bit-misp/misp"
)

const (
	slowSearch  = 40 * time.Millisecond // what MISP's way to check keys costs alone, about
	clockOff    = 30 * time.Second
	renewWithin = 21 * 24 * time.Hour
	fewLeft     = 10 // per cent of the rate limit
)

// inspected says what MISP says, as far as it got.
func (d *doctor) inspected(in misp.Inspection, tls misp.TLS) {
	if in.Version == "" {
		return
	}
	d.ok("MISP %s answers at %s", in.Version, in.URL)
	d.certificate(in, tls)
	switch {
	case !in.HasTime:
	case in.Ahead.Abs() > clockOff:
		d.bad("the clocks of MISP and of this machine differ by %v: let both have their time by NTP", in.Ahead.Abs())
	default:
		d.ok("the clocks of MISP and of this machine agree")
	}
	if in.User == "" {
		return
	}
	d.ok("the key is that of %s, with the role %s", in.User, in.Role)
	if in.Admin {
		d.hint("this role may do everything in MISP: a user with the role Read Only is enough, if API access is added to it")
	}
	if in.Search == 0 {
		return
	}
	switch {
	case in.RateLimit == 0:
		d.ok("there is no rate limit")
	case in.RateRemaining*100 < in.RateLimit*fewLeft:
		d.bad("of %d searches that the role may do, %d are left for the next %v: raise the rate limit of the role in MISP",
			in.RateLimit, in.RateRemaining, in.RateReset)
	default:
		d.ok("the role may do %d searches at a time, %d are left for the next %v", in.RateLimit, in.RateRemaining, in.RateReset)
	}
	took := in.Search.Round(100 * time.Microsecond)
	if in.Search < slowSearch {
		d.ok("a search takes %v", took)
		return
	}
	d.hint("a search takes %v, most of which MISP needs to check the key: an administrator of MISP can make it about five times faster by setting Security.api_key_quick_lookup to true", took)
}

func (d *doctor) certificate(in misp.Inspection, tls misp.TLS) {
	if len(in.Chain) == 0 {
		if strings.HasPrefix(in.URL, "http:") {
			d.hint("the connection has no TLS: whoever is between here and MISP can read the key")
		}
		return
	}
	var names []string
	for _, c := range in.Chain {
		names = append(names, c.Subject.String())
	}
	list := strings.Join(names, ", signed by ")
	if tls.NoVerify {
		d.bad("MISP's certificate is not verified, and is %s: set tls.verify to on, and tls.ca_file to the certificate of who signed it", list)
		return
	}
	left := time.Until(in.Chain[0].NotAfter)
	for _, c := range in.Chain {
		left = min(left, time.Until(c.NotAfter))
	}
	if left < renewWithin {
		d.bad("MISP's certificate (%s) ends in %d days: renew it", list, int(left.Hours()/24))
		return
	}
	d.ok("MISP's certificate is good for %d days: %s", int(left.Hours()/24), list)
}

// storage looks at the directory in which the plugin keeps things. The plugin
// makes it, and takes none that others can write to.
func (d *doctor) storage(dir string, who *user.User) {
	const write = 0o3
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		above := filepath.Dir(dir)
		if info, err := os.Stat(above); err == nil && reach(who, dir) == "" && may(who, info, write) {
			d.ok("%s can make the directory %s", who.Username, dir)
			return
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.bad("there is no directory %s: mkdir -p %s && chown %s %s", dir, dir, who.Username, dir)
	case reach(who, dir) != "":
		d.bad("%s may not look into %s, and so not write to %s: name another directory in storage_path", who.Username, reach(who, dir), dir)
	case err != nil:
		d.bad("%v", err)
	case !info.IsDir():
		d.bad("%s is no directory: name one in storage_path", dir)
	case !owns(who, info):
		d.bad("%s does not belong to %s, as whom Fluent Bit runs: chown -R %s %s", dir, who.Username, who.Username, dir)
	case info.Mode().Perm()&0o022 != 0:
		d.bad("others may write to %s: chmod go-w %s", dir, dir)
	case !may(who, info, write):
		d.bad("%s may not write to %s: chmod u+rwx %s", who.Username, dir, dir)
	default:
		d.ok("%s may write to %s", who.Username, dir)
	}
}

// owns reports whether a file is a user's own.
func owns(who *user.User, info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return !ok || strconv.Itoa(int(owner.Uid)) == who.Uid
}

// alerts looks at whether a user may read the alerts.
func (d *doctor) alerts(file string, who *user.User) {
	const read = 0o4
	info, err := os.Stat(file)
	closed := reach(who, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.bad("there is no %s: is Wazuh's manager on this machine, with <jsonout_output>yes</jsonout_output> in its ossec.conf?", file)
	case closed != "":
		d.bad("%s may not look into %s: usermod -aG %s %s, and restart Fluent Bit", who.Username, closed, groupOf(closed), who.Username)
	case err != nil:
		d.bad("%v", err)
	case !may(who, info, read):
		d.bad("%s may not read %s: usermod -aG %s %s, and restart Fluent Bit", who.Username, file, groupOf(file), who.Username)
	default:
		d.ok("%s may read %s", who.Username, file)
	}
}

// become gives this process the rights of a user and of the user's groups, and no
// others.
func become(who *user.User) error {
	var numbers []int // of the user, of its group, and of all its groups
	for _, id := range append([]string{who.Uid, who.Gid}, groupsOf(who)...) {
		n, err := strconv.Atoi(id)
		if err != nil {
			return err
		}
		numbers = append(numbers, n)
	}
	if err := syscall.Setgroups(numbers[2:]); err != nil {
		return err
	}
	if err := syscall.Setgid(numbers[1]); err != nil {
		return err
	}
	return syscall.Setuid(numbers[0])
}

// may reports whether a user has all of the rights, of 4 read, 2 write and
// 1 search.
func may(who *user.User, info fs.FileInfo, rights fs.FileMode) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if who.Uid == "0" || !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case strconv.Itoa(int(owner.Uid)) == who.Uid:
		mode >>= 6
	case slices.Contains(groupsOf(who), strconv.Itoa(int(owner.Gid))):
		mode >>= 3
	}
	return mode&rights == rights
}

// groupsOf returns the numbers of the groups of a user. Whoever runs this may
// be in some that the machine does not know of, as in a container.
func groupsOf(who *user.User) []string {
	if who.Uid == strconv.Itoa(os.Getuid()) {
		ids := []string{strconv.Itoa(os.Getgid())}
		more, _ := os.Getgroups()
		for _, id := range more {
			ids = append(ids, strconv.Itoa(id))
		}
		return ids
	}
	ids, err := who.GroupIds()
	if err != nil {
		return []string{who.Gid}
	}
	return ids
}

// reach returns the first directory on the way to a file into which a user may
// not look, "" if there is none.
func reach(who *user.User, file string) (closed string) {
	const search = 0o1
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && !may(who, info, search) {
			closed = dir
		}
		if dir == filepath.Dir(dir) {
			return closed
		}
	}
}

// groupOf returns the name of the group of a file.
func groupOf(file string) string {
	if info, err := os.Stat(file); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			if g, err := user.LookupGroupId(strconv.Itoa(int(owner.Gid))); err == nil {
				return g.Name
			}
		}
	}
	return "wazuh"
}
