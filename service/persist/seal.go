package persist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Each file of this package begins with a sealed text: one line that says what
// it is, and then the bytes that this line vouches for.
//
//	twistor-tap 1 1234 5f0c…e1
//	{ …
//
// These are the kind, the version of the format, the length of what follows in
// bytes, and in lower-case hexadecimal the SHA-256 of the line up to the second
// number, a newline, and what follows. The line has this shape in all versions, so
// that a flipped bit in the version is not taken for a newer program.
const (
	kindTap     = "twistor-tap"
	kindJournal = "twistor-journal"
	kindValue   = "twistor-value"

	formatVersion = 1
	// maxFirstLineBytes bounds the first line: kind, two numbers, a checksum.
	maxFirstLineBytes = 160
)

// seal puts the first line before body.
func seal(kind string, body []byte) []byte {
	line := fmt.Sprintf("%s %d %d", kind, formatVersion, len(body))
	out := make([]byte, 0, len(line)+2+2*sha256.Size+len(body))
	out = append(out, line...)
	out = append(out, ' ')
	out = append(out, checksum(line, body)...)
	out = append(out, '\n')
	return append(out, body...)
}

func checksum(line string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(line))
	h.Write([]byte{'\n'})
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// unseal checks the sealed text at the start of b, and returns its body and
// what follows it. file is for the error.
func unseal(file, kind string, b []byte) (body, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, wrong(file, ErrCorrupt, "it is empty, want a %s", kind)
	}
	if !bytes.HasPrefix(b, []byte(kind+" ")) {
		if strings.HasPrefix(kind+" ", string(b[:min(len(b), len(kind)+1)])) {
			return nil, nil, wrong(file, ErrCorrupt, "it is cut short in its first line")
		}
		return nil, nil, wrong(file, ErrForeign, "it begins with %.20q, want %q", b, kind)
	}
	line, _, ok := bytes.Cut(b[:min(len(b), maxFirstLineBytes)], []byte{'\n'})
	if !ok {
		return nil, nil, wrong(file, ErrCorrupt, "its first line does not end")
	}
	fields := strings.Split(string(line), " ")
	if len(fields) != 4 {
		return nil, nil, wrong(file, ErrCorrupt, "its first line is %q, want %s, version, length, checksum", line, kind)
	}
	version, err1 := number(fields[1])
	length, err2 := number(fields[2])
	if err1 != nil || err2 != nil {
		return nil, nil, wrong(file, ErrCorrupt, "its first line is %q, want %s, version, length, checksum", line, kind)
	}
	rest = b[len(line)+1:]
	if length > uint64(len(rest)) {
		return nil, nil, wrong(file, ErrCorrupt, "%d bytes follow its first line, want %d", len(rest), length)
	}
	body, rest = rest[:length], rest[length:]
	if sum := checksum(strings.Join(fields[:3], " "), body); sum != fields[3] {
		return nil, nil, wrong(file, ErrCorrupt, "its checksum is %.16s…, want %.16q…", sum, fields[3])
	}
	if version != formatVersion {
		return nil, nil, wrong(file, ErrNewer, "its format is %d, want %d", version, formatVersion)
	}
	return body, rest, nil
}

// number reads a number as seal writes it, in one way only.
func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err == nil && strconv.FormatUint(n, 10) != s {
		err = strconv.ErrSyntax
	}
	return n, err
}
