package cred

import (
	"fmt"
	"log/slog"
)

// A Secret is a text that must not be seen: it prints, logs and is saved as
// [redacted], whatever the verb, and also inside of other values. Reveal is the
// only way to it, and easily searched for. Immutable after first use.
type Secret struct {
	// text is behind a pointer, because fmt looks into unexported fields of
	// structs around a Secret without asking its methods.
	text *string
}

// Conceal makes a Secret.
func Conceal(text string) Secret { return Secret{&text} }

// Reveal is the text; "" of the zero Secret.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const redacted = "[redacted]"

// Format prints [redacted] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue logs [redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes [redacted]: what is saved is not a hiding place.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
