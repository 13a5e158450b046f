package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"strconv"
	"strings"

	"fluent-bit-misp/conf"
	"fluent-bit-misp/conf/check"
	"fluent-bit-misp/enrich"
	"fluent-bit-misp/misp"
)

type doctorCmd struct {
	settings
	environment
	Config string `help:"Take the options from this configuration of Fluent Bit, and check it. Only -o goes before them." placeholder:"FILE"`
	User   string `help:"The user as whom Fluent Bit runs, for root; by default whoever runs this." placeholder:"NAME"`
	Alerts string `help:"Wazuh's file of alerts; by default that of the configuration, or /var/ossec/logs/alerts/alerts.json." placeholder:"FILE"`
}

func (*doctorCmd) Help() string {
	return `Looks at everything that the plugin needs, and says in plain words what is wrong and how to mend it: whether MISP answers, what it says of the key, its rate limit, its clock, its certificate and its speed, the directory that the plugin keeps things in, and whether Fluent Bit may read the alerts.

Exit code: 0 if all is well, 1 if something is wrong, 2 on trouble.`
}

// A doctor writes what it finds, a line for each thing.
type doctor struct {
	w     io.Writer
	wrong bool
}

func (d *doctor) ok(format string, args ...any) { d.say("ok", format, args...) }

// hint is about what works, but could be better.
func (d *doctor) hint(format string, args ...any) { d.say("hint", format, args...) }

func (d *doctor) bad(format string, args ...any) {
	d.wrong = true
	d.say("WRONG", format, args...)
}

func (d *doctor) say(how, format string, args ...any) {
	fmt.Fprintf(d.w, "%-5s  %s\n", how, printable(fmt.Sprintf(format, args...)))
}

func (c *doctorCmd) Run(std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	var err error
	if c.env, err = c.lookup(); err != nil { // which systemd reads, as root
		return err
	}
	who, err := c.asUser()
	if err != nil {
		return err
	}
	d := &doctor{w: std.out}
	if c.Config != "" {
		c.readConfig(d)
	}
	c.askMISP(d)
	if dir, set := c.property("storage_path"); set {
		d.storage(dir, who)
	}
	d.alerts(cmp.Or(c.Alerts, "/var/ossec/logs/alerts/alerts.json"), who)
	if d.wrong {
		return errMistakes
	}
	return nil
}

// readConfig checks the configuration, and takes the options from its first
// section of the plugin, but for those that the command line has with -o.
func (c *doctorCmd) readConfig(d *doctor) {
	for _, m := range check.File(c.Config, check.Options{Env: c.env}) {
		if m.Allowed {
			d.hint("%s: %s", m.Place, m.Message)
		} else {
			d.bad("%s", m)
		}
	}
	options, found := map[string]string{}, false
	for _, s := range conf.Load(c.Config, c.env).Sections {
		name := strings.ToLower(s.Value("name"))
		switch {
		case s.Kind == "input" && name == "tail" && strings.HasSuffix(s.Value("path"), "alerts.json"):
			c.Alerts = cmp.Or(c.Alerts, s.Value("path"))
		case s.Kind != "service" && name == "misp" && !found:
			found = true
			for _, option := range enrich.OptionNames() {
				if p, set := s.Get(check.NameIn(s.Kind, option)); set {
					options[option] = p.Value
				}
			}
		}
	}
	maps.Copy(options, c.Option)
	c.settings = settings{Option: options, bare: true}
}

// asUser becomes the user as whom Fluent Bit runs, and returns who that is: all that
// follows sees what Fluent Bit would.
func (c *doctorCmd) asUser() (*user.User, error) {
	if c.User == "" {
		return user.Current()
	}
	who, err := user.Lookup(c.User)
	if err != nil || who.Uid == strconv.Itoa(os.Geteuid()) {
		return who, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("--user %s: only root can see what another user may do", c.User)
	}
	return who, become(who)
}

func (c *doctorCmd) askMISP(d *doctor) {
	o, err := enrich.ParseOptions(c.property)
	var client *misp.Client
	if err == nil {
		client, err = misp.NewClient(o.MISP)
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			d.bad("%s", line)
		}
		if !c.bare {
			d.hint("--config takes url and key from a configuration of Fluent Bit; else --url and --api-key-file, or MISP_URL and MISP_API_KEY, say which to ask")
		}
		return
	}
	defer client.Close()
	for _, in := range client.Inspect(context.Background()) {
		d.inspected(in, o.MISP.TLS)
		if in.Err != nil {
			d.bad("%v", in.Err)
		}
	}
}
