package persist

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// maxNameBytes bounds the name of a state, with those of what it is below.
	maxNameBytes = 128
	// maxFileWordBytes bounds what a journal's name is in file names, where some
	// letters are three bytes: with all that is around it, it must be a name.
	maxFileWordBytes = 120
	// temporarySuffix ends the names of files that are being written. They are
	// removed by the next Open.
	temporarySuffix = ".tmp"
	corruptSuffix   = ".corrupt-"
	olderSuffix     = ".old"
)

var (
	programName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	tagName     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
)

// shutdownTag is of the snapshot that a program saves when it stops.
const shutdownTag = "shutdown"

// checkProgram checks Config.Name. No dots: the files of "fib" must not be those
// of a program "fib.x"; nor may one program's NAME.tap be another's
// NAME-shutdown.tap.
func checkProgram(name string) error {
	if !programName.MatchString(name) || strings.HasSuffix(name, "-"+shutdownTag) {
		return fmt.Errorf("persist: name %q: want a lower-case word of up to 64 bytes that does not end in -%s", name, shutdownTag)
	}
	return nil
}

// tapFile is the name of a snapshot's file: NAME.tap or NAME-TAG.tap.
func tapFile(name, tag string) (string, error) {
	switch {
	case tag == "":
		return name + ".tap", nil
	case !tagName.MatchString(tag):
		return "", fmt.Errorf("persist: tag %q: want a lower-case word of up to 64 bytes", tag)
	}
	return name + "-" + tag + ".tap", nil
}

// checkName checks the name of a state: words with slashes between them.
func checkName(name string) error {
	if len(name) == 0 || len(name) > maxNameBytes || !utf8.ValidString(name) {
		return fmt.Errorf("name %.140q: want 1 to %d bytes of UTF-8", name, maxNameBytes)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			return fmt.Errorf("name %q: want a word between its slashes", name)
		}
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("name %q: want no control characters", name)
		}
	}
	return nil
}

// fileWord is a state's name as part of a file's: a slash is a dot, and what is
// not a lower-case letter, digit, _ or - is its bytes as %xx, so that no two
// names are one file, not even where file names have no case.
func fileWord(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('.')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
