package host

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fluent-bit-misp/misp/misptest"
)

// What does not work is refused at the start, with everything that is wrong.
func TestRefused(t *testing.T) {
	const daemonMode = "daemon mode (-d, or daemon on) is not supported: Fluent Bit forks after it has " +
		"loaded the plugin, and the threads of a plugin written in Go do not survive that; " +
		"run it in the foreground, under systemd or in a container"
	tests := map[string]struct {
		command []string
		want    []string
	}{
		"no options": {
			[]string{hostProgram, filterFile},
			[]string{
				"[error] [filter:misp:misp.0] url is not set: want the address of MISP's front page, such as https://misp.example",
				"[error] [filter:misp:misp.0] api_key is not set: want the authentication key of a MISP user",
				"[host] the filter does not start",
			},
		},
		"several mistakes": {
			[]string{hostProgram, "--instances", "2", "-p", "URL=%s%n", "-p", "api_key=k",
				"-p", "timeout=soon", "-p", "cache_size=-1", "-p", "format=xml", filterFile},
			[]string{
				`[error] [filter:misp:misp.0] timeout "soon": want a duration such as 500ms, 2s or 1h, more than 0`,
				`[error] [filter:misp:misp.0] cache_size "-1": want a whole number, more than 0`,
				`[error] [filter:misp:misp.0] format "xml": want flat or ecs`,
				`[error] [filter:misp:misp.0] url "%s%n": want the address of MISP's front page, such as https://misp.example`,
				"[host] the filter does not start",
			},
		},
		"daemon mode": {
			[]string{hostProgram, "--daemonize", "-p", "url=https://misp.example", "-p", "api_key=k", filterFile},
			[]string{"[error] [filter:misp:misp.0] " + daemonMode, "[host] the filter does not start"},
		},
		"not Fluent Bit": {
			[]string{otherProgram, filterFile},
			[]string{
				"misp: this program is not Fluent Bit 2.2 or later: it lacks functions that the plugin calls",
				"[host] the filter does not start",
			},
		},
		"output": {
			[]string{hostProgram, "-p", "url=http://127.0.0.1:9", "-p", "tls.verify=never", "-p", "misp.tls.verify=maybe",
				"-p", "host=127.0.0.1", "-p", "on_unknown=wait", "-p", "forward.compress=zstd", "-p", "forward.shared_key=k", outputFile},
			[]string{
				"[host] output misp: Enrich Wazuh's alerts from MISP and send them on",
				`[error] [output:misp:misp.0] tls.verify "maybe": want on or off`,
				"[error] [output:misp:misp.0] api_key is not set: want the authentication key of a MISP user",
				`[error] [output:misp:misp.0] forward.compress "zstd": want none or gzip`,
				"[error] [output:misp:misp.0] forward.targets is not set: want HOST:PORT or unix:/PATH of a forward input; " +
					"Fluent Bit keeps host and port to itself",
				`[error] [output:misp:misp.0] on_unknown "wait": want send or retry`,
				"[host] the output does not start",
			},
		},
		"output in daemon mode": {
			[]string{hostProgram, "--daemonize", outputFile},
			[]string{
				"[host] output misp: Enrich Wazuh's alerts from MISP and send them on",
				"[error] [output:misp:misp.0] " + daemonMode,
				"[host] the output does not start",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := run(t, [][]byte{alert("1", listed)}, tt.command...)
			if got.code != 1 || len(got.answers) != 0 {
				t.Errorf("exit code %d, answers %v", got.code, got.answers)
			}
			if have := lines(got.log); !slices.Equal(have, tt.want) {
				t.Errorf("the log has\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// The key is what nobody may see: not in the log, whatever happens, nor in a
// record.
func TestKeyStaysSecret(t *testing.T) {
	tests := map[string]func(*misptest.Server){
		"all is well":   func(*misptest.Server) {},
		"MISP refuses":  func(s *misptest.Server) { s.Fault(misptest.Status(403)) },
		"MISP fails":    func(s *misptest.Server) { s.Fault(misptest.Status(500)) },
		"MISP hangs up": func(s *misptest.Server) { s.Fault(misptest.Reset) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			server := misptest.New(misptest.Sample())
			change(server)
			got := run(t, [][]byte{alert("1", listed)}, filter(server.Start(t), "--log-level", "4")...)
			if got.code != 0 || len(got.answers) != 1 || got.answers[0].code != modified {
				t.Fatalf("exit code %d, answers %v, log:\n%s", got.code, got.answers, got.log)
			}
			if strings.Contains(got.log+string(got.answers[0].chunk), misptest.UserKey) {
				t.Errorf("the key shows:\n%s\n%q", got.log, got.answers[0].chunk)
			}
		})
	}
}

// What is logged reaches the file that Fluent Bit logs to, at the levels that
// it logs.
func TestLogFile(t *testing.T) {
	server := misptest.New(misptest.Sample())
	server.Fault(misptest.Status(403))
	url := server.Start(t)
	for level, want := range map[string]string{"0": "", "1": "error", "3": "error|info", "4": "debug|error|info"} {
		file := filepath.Join(t.TempDir(), "log")
		got := run(t, [][]byte{alert("1", listed)}, filter(url, "--log-level", level, "--log-file", file)...)
		if got.log != "" {
			t.Errorf("level %s: logged elsewhere:\n%s", level, got.log)
		}
		log, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var levels []string
		for _, m := range regexp.MustCompile(`(?m)^\[\S+ \S+\] \[ ?(\w+)\] \[filter:misp:misp\.0\] \S`).FindAllStringSubmatch(string(log), -1) {
			levels = append(levels, m[1])
		}
		slices.Sort(levels)
		if got := strings.Join(slices.Compact(levels), "|"); got != want {
			t.Errorf("level %s: logged at %q, want %q:\n%s", level, got, want, log)
		}
	}
}

// The log says once which build of the plugin a section has.
func TestVersion(t *testing.T) {
	url := misptest.New(misptest.Sample()).Start(t)
	said := regexp.MustCompile(`(?m)^\[ info\] \[(?:filter|output):misp:misp\.0\] fluent-bit-misp version 1\.2\.3-test, commit abcd1234, go1\.[0-9.]+(?:-X:cgocheck2)?$`)
	for name, command := range map[string][]string{
		"filter": filter(url, "--log-level", "3"),
		"output": {hostProgram, "--log-level", "3", "-p", "url=" + url, "-p", "api_key=k", "-p", "forward.targets=127.0.0.1:9", outputFile},
	} {
		got := run(t, nil, command...)
		if n := len(said.FindAllString(strings.Join(lines(got.log), "\n"), -1)); n != 1 {
			t.Errorf("%s: said %d times, want once:\n%s", name, n, got.log)
		}
	}
}

// Go's monitor, and no other thread, may sleep longer than it asks for, also once
// there is work for more threads. Who is not root cannot see that.
func TestTimerSlack(t *testing.T) {
	h := start(t, filter(misptest.New(misptest.Sample()).Start(t))...)
	defer h.end()
	h.pass(alert("0", clean))
	slacks := timerSlacks(h.cmd.Process.Pid)
	for range 100 { // the monitor may be yet to come
		if len(slacks) != 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
		slacks = timerSlacks(h.cmd.Process.Pid)
	}
	for i := range 300 {
		h.pass(alert("1", fmt.Sprintf("11.0.%d.%d", i/250, i%250)))
	}
	for _, slacks := range []map[string]int{slacks, timerSlacks(h.cmd.Process.Pid)} {
		if slacks != nil && (slacks["100000000"] != 1 || len(slacks) != 2) {
			t.Errorf("threads by timer slack in nanoseconds: %v", slacks)
		}
	}
}

// timerSlacks counts the threads of a process by their timer slack; nil if that
// may not be seen.
func timerSlacks(pid int) map[string]int {
	slacks := map[string]int{}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		slack, err := os.ReadFile("/proc/" + task.Name() + "/timerslack_ns")
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err == nil { // the thread has not ended meanwhile
			slacks[strings.TrimSpace(string(slack))]++
		}
	}
	return slacks
}

// The library shows the host what it looks for, and needs nothing of the host
// without which it cannot be loaded.
func TestSymbols(t *testing.T) {
	file, err := elf.Open(filterFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	ofGo := regexp.MustCompile(`^(_cgo|x_cgo|x_crosscall|crosscall|output_get_property$|fatalf$)`)
	var offered, wanted []string
	for _, s := range symbols {
		switch {
		case s.Section != elf.SHN_UNDEF && !ofGo.MatchString(s.Name):
			offered = append(offered, s.Name)
		case s.Section == elf.SHN_UNDEF && strings.HasPrefix(s.Name, "flb_"):
			wanted = append(wanted, s.Name)
			if elf.ST_BIND(s.Info) != elf.STB_WEAK {
				t.Errorf("%s is not weak", s.Name)
			}
		}
	}
	slices.Sort(offered)
	if want := []string{"FLBPluginExitCtx", "FLBPluginFlushCtx", "FLBPluginInit", "FLBPluginRegister", "FLBPluginUnregister", "filter_misp_plugin"}; !slices.Equal(offered, want) {
		t.Errorf("offers %v, want %v", offered, want)
	}
	slices.Sort(wanted)
	if want := []string{"flb_filter_get_property", "flb_filter_name", "flb_filter_set_context",
		"flb_log_print", "flb_output_log_check", "flb_output_name", "flb_output_set_property", "flb_worker_get"}; !slices.Equal(wanted, want) {
		t.Errorf("wants %v, want %v", wanted, want)
	}
}

// Where valgrind is installed, it finds no block that was lost.
func TestValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		return // TestReloads counts blocks as well, if less exactly
	}
	// Programs are told of this instruction below valgrind, which knows it only where
	// the processor has it.
	t.Setenv("GODEBUG", "cpu.rdtscp=off")
	server := misptest.New(misptest.Sample())
	chunks := [][]byte{alert("1", listed), alert("2", clean), {0xc1}, reload, alert("3", listed), alert("4", listed)}
	// Go's stacks and collector look like errors to valgrind; its account of
	// malloc's blocks is exact. It runs one thread at a time, and those of Go's that
	// look for work keep the others from it unless it is fair.
	command := append([]string{valgrind, "--leak-check=full", "--undef-value-errors=no", "--fair-sched=try"}, filter(server.Start(t), "--threads", "2")...)
	got := run(t, chunks, command...)
	if got.code != 0 || len(got.answers) != 5 {
		t.Fatalf("exit code %d, %d answers, log:\n%s", got.code, len(got.answers), got.log)
	}
	for _, want := range []string{"definitely lost: 0 bytes", "indirectly lost: 0 bytes"} {
		if !strings.Contains(got.log, want) && !strings.Contains(got.log, "no leaks are possible") {
			t.Errorf("not %s:\n%s", want, got.log)
		}
	}
}
