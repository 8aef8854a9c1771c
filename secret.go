package twistor

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// redacted is what every Secret reads as.
const redacted = "[redacted]"

// A Secret is a password, a key or another text that must not be seen: however
// it is printed, logged or marshaled, it reads [redacted], also as an unexported
// field of a struct that is printed as a whole. Its zero is empty. Immutable
// after first use.
type Secret struct {
	text *string // behind a pointer, which package fmt does not follow inside a struct
}

// Conceal makes a Secret of text.
func Conceal(text string) Secret { return Secret{&text} }

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Equal compares in a time that tells nothing but the lengths.
func (s Secret) Equal(o Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(o.Reveal())) == 1
}

// String implements fmt.Stringer: [redacted], like all that follow.
func (Secret) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return redacted }

// Format implements fmt.Formatter, for verbs that ask no String.
func (Secret) Format(f fmt.State, verb rune) { io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements json.Marshaler.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText takes the text of a flag or a configuration. What a Secret was
// marshaled to is refused: it would be a password that everybody knows.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New("twistor: the secret was redacted: want the secret itself")
	}
	*s = Conceal(string(text))
	return nil
}
