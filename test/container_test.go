package test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"fluent-bit-misp/conf"
	"fluent-bit-misp/conf/check"
)

const docker = "../packaging/docker/"

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// instructions returns those of the Dockerfile, without comments and with
// their lines joined.
func instructions(t *testing.T) [][]string {
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(read(t, docker+"Dockerfile"), "")
	var all [][]string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if words := strings.Fields(line); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// What the Dockerfile names is there, and the last image does not run as root.
func TestDockerfile(t *testing.T) {
	user := "0"
	for _, words := range instructions(t) {
		rest := strings.Join(words, " ")
		switch words[0] {
		case "FROM":
			if user = "0"; !regexp.MustCompile(`^FROM [a-z/-]+:[0-9][0-9.a-z-]+( AS [a-z]+)?$`).MatchString(rest) {
				t.Errorf("%s: want an image of one version", rest)
			}
			if version, ok := strings.CutPrefix(words[1], "golang:"); ok {
				version, _, _ = strings.Cut(version, "-")
				if !strings.Contains(read(t, "../go.mod"), "\ngo "+version) {
					t.Errorf("%s: go.mod wants another version of Go", rest)
				}
			}
		case "COPY":
			for _, source := range words[1 : len(words)-1] {
				if strings.Contains(rest, "--from=") || strings.HasPrefix(source, "--") {
					continue
				}
				if _, err := os.Stat(filepath.Join("..", source)); err != nil {
					t.Errorf("%s: %v", rest, err)
				}
			}
		case "USER":
			user = words[1]
		case "RUN":
			for target := range strings.SplitSeq(rest, "&&") {
				if name, ok := strings.CutPrefix(strings.TrimSpace(target), "RUN make "); ok && !strings.Contains(read(t, "../Makefile"), "\n"+strings.TrimSpace(name)+": ") {
					t.Errorf("there is no target %s", name)
				}
			}
			for _, source := range regexp.MustCompile(`cp (\S+) `).FindAllStringSubmatch(rest, -1) {
				if _, err := os.Stat(filepath.Join("..", source[1])); err != nil && path.Dir(source[1]) != "build" {
					t.Errorf("cp %s: %v", source[1], err)
				}
			}
		}
	}
	if strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("it runs as %s", user)
	}
}

// compose is what compose.yaml uses of the format.
type compose struct {
	Services map[string]struct {
		Image    string            `yaml:"image"`
		Build    map[string]string `yaml:"build"`
		Restart  string            `yaml:"restart"`
		Groups   []string          `yaml:"group_add"`
		ReadOnly bool              `yaml:"read_only"`
		Drop     []string          `yaml:"cap_drop"`
		Security []string          `yaml:"security_opt"`
		Env      map[string]string `yaml:"environment"`
		Secrets  []string          `yaml:"secrets"`
		Volumes  []string          `yaml:"volumes"`
		Networks []string          `yaml:"networks"`
	} `yaml:"services"`
	Secrets  map[string]map[string]string `yaml:"secrets"`
	Volumes  map[string]map[string]any    `yaml:"volumes"`
	Networks map[string]map[string]any    `yaml:"networks"`
}

// The service has what its configuration needs: variables, secrets, and
// volumes, of which it can write only to its own.
func TestCompose(t *testing.T) {
	var c compose
	if err := yaml.UnmarshalWithOptions([]byte(read(t, docker+"compose.yaml")), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	s := c.Services["fluent-bit"]
	if _, err := os.Stat(filepath.Join(docker, s.Build["context"], s.Build["dockerfile"])); err != nil {
		t.Error(err)
	}
	var writable []string
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if _, known := c.Volumes[parts[0]]; !known {
			t.Errorf("there is no volume %s", parts[0])
		}
		if len(parts) == 2 {
			writable = append(writable, parts[1])
		}
	}
	if !slices.Equal(writable, []string{"/var/lib/fluent-bit"}) || !s.ReadOnly {
		t.Errorf("it can write to %q, read_only is %v", writable, s.ReadOnly)
	}
	for _, name := range s.Secrets {
		if c.Secrets[name]["file"] == "" {
			t.Errorf("there is no secret %s", name)
		}
	}
	for _, name := range s.Networks {
		if _, known := c.Networks[name]; !known {
			t.Errorf("there is no network %s", name)
		}
	}
	env := func(name string) (string, bool) {
		value, set := s.Env[name]
		return value, set
	}
	image := strings.Join(slices.Concat(instructions(t)...), " ")
	for _, section := range conf.Load(docker+"fluent-bit.yaml", env).Sections {
		for _, p := range section.Properties {
			if p.Unset != "" {
				t.Errorf("%s: the service has no variable %s", p.Place, p.Unset)
			}
			if name, ok := strings.CutPrefix(p.Value, "/run/secrets/"); ok && !slices.Contains(s.Secrets, name) {
				t.Errorf("%s: the service has no secret %s", p.Place, name)
			}
			if dir := path.Dir(p.Value); section.Kind == "plugins" && !strings.Contains(image, "cp build/"+path.Base(p.Value)+" /image"+dir+"/ ") {
				t.Errorf("%s: the image has no %s", p.Place, p.Value)
			}
			written := slices.Contains([]string{"db", "storage.path", "storage_path"}, strings.ToLower(p.Key))
			if written && !strings.HasPrefix(p.Value, writable[0]+"/") {
				t.Errorf("%s: the service cannot write to %s", p.Place, p.Value)
			}
		}
	}
	if !strings.Contains(image, `CMD ["-c", "/etc/fluent-bit/fluent-bit.yaml"]`) {
		t.Error("the image does not start with its configuration")
	}
	for _, m := range check.File(docker+"fluent-bit.yaml", check.Options{Env: func(string) (string, bool) { return "", false }, Elsewhere: true}) {
		t.Error(m)
	}
}

// Each variable of compose.yaml is explained.
func TestContainerDoc(t *testing.T) {
	doc := read(t, "../docs/container.md")
	for _, found := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(read(t, docker+"compose.yaml"), -1) {
		if !strings.Contains(doc, "`"+found[1]+"`") {
			t.Errorf("docs/container.md does not explain %s", found[1])
		}
	}
}
