package passwd

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

const (
	// MaxPasswordBytes is the longest password: hashing a longer one would be
	// work that a stranger orders.
	MaxPasswordBytes = 1024
	maxRecordBytes   = 1024
)

// A Record is what is kept of one password. It is a secret: whoever has it can
// try passwords at leisure. It prints as [redacted], and only Text shows it.
// The zero Record is no password's. Immutable after first use.
type Record struct {
	// kept is behind a pointer, because fmt looks into unexported fields of
	// structs around a Record without asking its methods.
	kept *kept
}

type kept struct {
	text string
	form form
}

// A form is one way to keep a password.
type form interface {
	// verify does the same work whatever the password is.
	verify(password string) bool
}

// A preparer is a form whose makers run SASLprep first.
type preparer interface{ prepares() }

// forms are the ways to keep a password, by what their text begins with.
var forms = []struct {
	name   string
	prefix []string
	parse  func(text string) (form, error)
}{
	{"argon2id", []string{"$argon2id$"}, parseArgon2id},
	{"SCRAM-SHA-256", []string{"SCRAM-SHA-256$"}, parseSCRAM},
	{"bcrypt", []string{"$2a$", "$2b$", "$2y$"}, parseBcrypt},
	{"yescrypt", []string{"$y$"}, parseYescrypt},
	{"SHA-crypt", []string{"$5$", "$6$"}, parseSHACrypt},
	{"MD5-crypt", []string{"$1$", "$apr1$"}, parseMD5Crypt},
	{"{SHA}", []string{"{SHA}"}, parseSHA1},
	{"{plain}", []string{plainPrefix}, parsePlain},
}

// Parse reads a Record. The error says what was wanted, and never what there
// was: it may be a password that somebody forgot to hash.
func Parse(text string) (Record, error) {
	if len(text) > maxRecordBytes {
		return Record{}, fmt.Errorf("passwd: record of %d bytes: want at most %d", len(text), maxRecordBytes)
	}
	for _, f := range forms {
		for _, prefix := range f.prefix {
			if !strings.HasPrefix(text, prefix) {
				continue
			}
			form, err := f.parse(text)
			if err != nil {
				return Record{}, fmt.Errorf("passwd: %s: %w", f.name, err)
			}
			return Record{&kept{text, form}}, nil
		}
	}
	return Record{}, fmt.Errorf("passwd: unknown form%s: want $argon2id$, SCRAM-SHA-256$, $2y$, $y$, $6$, $5$, $apr1$, $1$, {SHA} or {plain}", named(text))
}

var formName = regexp.MustCompile(`^(\$[a-z0-9-]{1,10}\$|\{[A-Za-z0-9-]{1,10}\})`)

// named is the name that a text gives its form, if that is what it begins with.
func named(text string) string {
	if name := formName.FindString(text); name != "" {
		return " " + name
	}
	return ""
}

// Verify reports whether password is the one that r was made of. It takes as
// long for a wrong one; that may be a second of a processor, so it belongs on
// the pool. The zero Record and the empty password verify nothing.
func (r Record) Verify(password string) bool {
	if r.kept == nil || len(password) > MaxPasswordBytes {
		return false
	}
	// The work is done before anything is refused, so that its time says nothing.
	prepared, err := password, error(nil)
	if _, ok := r.kept.form.(preparer); ok {
		prepared, err = Prepare(password)
	}
	ok := r.kept.form.verify(prepared)
	// C programs end a password at a NUL: two would be the same to them.
	return ok && err == nil && password != "" && strings.IndexByte(password, 0) < 0
}

// Text is r as Parse takes it: a line's second field. Keep it from logs.
func (r Record) Text() string {
	if r.kept == nil {
		return ""
	}
	return r.kept.text
}

// Form is the name of the form: argon2id, bcrypt, SCRAM-SHA-256; "" of the zero
// Record.
func (r Record) Form() string {
	for _, f := range forms {
		for _, prefix := range f.prefix {
			if strings.HasPrefix(r.Text(), prefix) {
				return f.name
			}
		}
	}
	return ""
}

// IsZero reports whether r is the zero Record.
func (r Record) IsZero() bool { return r.kept == nil }

const redacted = "[redacted]"

// Format prints [redacted] for every verb.
func (r Record) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// LogValue logs [redacted].
func (r Record) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes [redacted], so that a Record that is a part of something
// else is not saved with it by accident.
func (r Record) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// equal compares secrets of any length in a time that says nothing of them.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
