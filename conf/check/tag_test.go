package check

import "testing"

// Patterns overlap if some text is of both, whichever stands first.
func TestOverlap(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"", "*", true},
		{"", "a", false},
		{"wazuh.*", "wazuh.alerts", true},
		{"wazuh.*", "wazuh", false},
		{"*.alerts", "wazuh.*", true},
		{"a*b", "a*c", false},
		{"a*b*", "*c*d", true},
		{"wazuh.*", "ossec.*", false},
		{"*", "**", true},
		{"a*a", "a", false},
	} {
		if overlap(test.a, test.b) != test.want || overlap(test.b, test.a) != test.want {
			t.Errorf("%q and %q: want %v", test.a, test.b, test.want)
		}
	}
}
