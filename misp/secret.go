package misp

import (
	"fmt"
	"log/slog"
)

// A Secret is a text that is never shown. Printing, logging or marshalling it
// gives "[hidden]", and the text stays out of sight when a struct that holds
// the Secret is printed. The zero Secret is empty.
type Secret struct {
	// A pointer, because fmt prints the private fields of a struct without
	// asking their methods, and of a pointer it prints only the address.
	text *string
}

const hidden = "[hidden]"

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "[hidden]".
func (s Secret) String() string { return hidden }

// Format writes "[hidden]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText returns "[hidden]"; JSON and YAML encoders use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue returns "[hidden]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }
