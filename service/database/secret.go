package database

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/twistor-go/twistor/service/database/internal/redact"
)

// A Secret is text that no log, error or printed value shows: the name of a
// data source, which most often has a password in it. To convert it to a string
// is the one way to its text. Immutable after first use.
type Secret string

// Format prints REDACTED, whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) { fmt.Fprint(f, redact.Mark) }

// String is REDACTED.
func (s Secret) String() string { return redact.Mark }

// LogValue is REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redact.Mark) }

// MarshalText fails: a Secret in what is saved or sent would be a secret no
// more, and REDACTED in its place would be lost.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("database: a Secret is not to be written: want a field that is left out")
}
