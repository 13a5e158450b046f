package ioc

import (
	"slices"
	"testing"
)

func TestParseKind(t *testing.T) {
	for _, kind := range Kinds() {
		if got, err := ParseKind(kind.String()); got != kind || err != nil {
			t.Errorf("%s: got %s, %v", kind, got, err)
		}
	}
	for _, name := range []string{"", "none", "IP", "hash"} {
		want := `no kind of indicator is called "` + name + `"`
		if _, err := ParseKind(name); err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", name, err, want)
		}
	}
}

// The port of a composite is nobody's indicator: "443" would match them all.
func TestTypesMatchTheRightPart(t *testing.T) {
	for _, test := range []struct {
		kind Kind
		want Type
	}{
		{IP, Type{"ip-dst|port", First}},
		{IP, Type{"domain|ip", Second}},
		{Domain, Type{"domain|ip", First}},
		{Domain, Type{"hostname|port", First}},
		{MD5, Type{"malware-sample", Second}},
		{SHA256, Type{"filename|sha256", Second}},
		{Imphash, Type{"filename|imphash", Second}},
		{Filename, Type{"filename|sha256", First}},
		{Filename, Type{"malware-sample", First}},
		{Regkey, Type{"regkey|value", First}},
		{X509SHA1, Type{"x509-fingerprint-sha1", Whole}},
		{JA3, Type{"ja3-fingerprint-md5", Whole}},
		{NamedPipe, Type{"named pipe", Whole}},
		{CVE, Type{"vulnerability", Whole}},
	} {
		if !slices.Contains(test.kind.Types(), test.want) {
			t.Errorf("%s is not looked up in %+v", test.kind, test.want)
		}
	}
	for _, kind := range Kinds() {
		if len(kind.Types()) == 0 {
			t.Errorf("%s is looked up nowhere", kind)
		}
		for _, typ := range kind.Types() {
			composite := typ.Name == "malware-sample" || slices.Contains([]byte(typ.Name), '|')
			if composite == (typ.Part == Whole) {
				t.Errorf("%s: part %d of %s", kind, typ.Part, typ.Name)
			}
		}
	}
}

func TestReasonsHaveWords(t *testing.T) {
	for r := range numReasons {
		if r.String() == "" {
			t.Errorf("reason %d has no words", r)
		}
	}
}
