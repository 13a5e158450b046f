// Package version says which build of the program this is.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// The Makefile has the linker set these.
var number, commit string

// An Info tells one build from another.
type Info struct {
	Version string // such as 1.2.3; never empty
	Commit  string // of git, in short; "unknown" if nobody said it
	Go      string // the release that built it, such as go1.26.0
}

// String returns all of it in one line.
func (i Info) String() string {
	return fmt.Sprintf("version %s, commit %s, %s", i.Version, i.Commit, i.Go)
}

// Get returns what the linker was told or, as after go install, what Go has
// recorded by itself.
func Get() Info {
	i := Info{Version: number, Commit: commit, Go: runtime.Version()}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	if i.Version == "" {
		i.Version = strings.TrimPrefix(build.Main.Version, "v")
	}
	if i.Version == "" || i.Version == "(devel)" {
		i.Version = "unknown"
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" && i.Commit == "" {
			i.Commit = setting.Value[:min(len(setting.Value), 12)]
		}
	}
	if i.Commit == "" {
		i.Commit = "unknown"
	}
	return i
}
