package dns

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/twistor-go/twistor"
)

// A TSIGKey is a secret that two parties share to sign what they send each
// other (RFC 8945): transfers, updates, notifies. Immutable after first use.
type TSIGKey struct {
	// Name is the name both know it by.
	Name Name
	// Algorithm is how it signs: hmac-sha1, -sha224, -sha256, -sha384 or
	// -sha512; "": hmac-sha256. With -80, -128 and so on behind it signatures
	// are truncated to that many bits, and as short ones are taken; they have at
	// least 80 bits and half of what the hash gives.
	Algorithm string
	// Secret is the bytes themselves, not their base64. It needs one.
	Secret twistor.Secret
}

// A tsigAlgorithm is one way to sign.
type tsigAlgorithm struct {
	name  Name // as in the records
	hash  func() hash.Hash
	bytes int // of a whole signature
}

// tsigAlgorithms are those that may still be used.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-6.
var tsigAlgorithms = []tsigAlgorithm{
	{MustParseName("hmac-sha256"), sha256.New, sha256.Size},
	{MustParseName("hmac-sha512"), sha512.New, sha512.Size},
	{MustParseName("hmac-sha384"), sha512.New384, sha512.Size384},
	{MustParseName("hmac-sha224"), sha256.New224, sha256.Size224},
	{MustParseName("hmac-sha1"), sha1.New, sha1.Size},
}

// shortest is how few bytes a signature may have left.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-5.2.2.1.
func (a *tsigAlgorithm) shortest() int { return max(10, a.bytes/2) }

// algorithm is what k.Algorithm says, and how many bytes of a signature are
// sent and wanted.
func (k *TSIGKey) algorithm() (*tsigAlgorithm, int, error) {
	text := strings.TrimSuffix(strings.ToLower(k.Algorithm), ".")
	if text == "" {
		text = "hmac-sha256"
	}
	for i := range tsigAlgorithms {
		a := &tsigAlgorithms[i]
		rest, ok := strings.CutPrefix(text, strings.TrimSuffix(a.name.String(), "."))
		if !ok || rest != "" && rest[0] != '-' {
			continue
		}
		size := a.bytes
		if rest != "" {
			bits := 0
			if _, err := fmt.Sscanf(rest, "-%d", &bits); err != nil || bits%8 != 0 || fmt.Sprintf("-%d", bits) != rest {
				break
			}
			size = bits / 8
		}
		if size < a.shortest() || size > a.bytes {
			return nil, 0, fmt.Errorf("dns: TSIG key %s: algorithm %s: want %d to %d bits", k.Name, k.Algorithm, 8*a.shortest(), 8*a.bytes)
		}
		return a, size, nil
	}
	return nil, 0, fmt.Errorf("dns: TSIG key %s: algorithm %q: want hmac-sha256, -sha512, -sha384, -sha224 or -sha1 (MD5 must not be used)", k.Name, k.Algorithm)
}

// String is the key without its secret.
func (k *TSIGKey) String() string {
	if k.Algorithm == "" {
		return "hmac-sha256:" + k.Name.String()
	}
	return k.Algorithm + ":" + k.Name.String()
}

// check reports what k lacks.
func (k *TSIGKey) check() error {
	if len(k.Name) == 0 {
		return errors.New("dns: TSIG key without a name")
	}
	if k.Secret.Reveal() == "" {
		return fmt.Errorf("dns: TSIG key %s: want a secret", k.Name)
	}
	_, _, err := k.algorithm()
	return err
}

// ParseTSIGKey reads a key as dig and nsupdate take it: name:secret or
// algorithm:name:secret, the secret in base64. Errors do not repeat the secret.
func ParseTSIGKey(s string) (*TSIGKey, error) {
	parts := strings.Split(s, ":")
	if len(parts) == 2 {
		parts = append([]string{""}, parts...)
	}
	if len(parts) != 3 {
		return nil, errors.New("dns: TSIG key: want name:secret or algorithm:name:secret, the secret in base64")
	}
	return newTSIGKey(parts[0], parts[1], parts[2])
}

// newTSIGKey makes a key of texts.
func newTSIGKey(algorithm, name, secret string) (*TSIGKey, error) {
	n, err := ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("dns: TSIG key: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, fmt.Errorf("dns: TSIG key %s: want the secret in base64", n)
	}
	k := &TSIGKey{Name: n, Algorithm: algorithm, Secret: twistor.Conceal(string(raw))}
	return k, k.check()
}

// maxKeyFileBytes is how long a file of keys may be.
const maxKeyFileBytes = 1 << 20

// ReadTSIGKeys reads the keys of a file: each on a line of its own, as
// ParseTSIGKey takes them, or in the statements of BIND (key "name" {
// algorithm hmac-sha256; secret "..."; };), NSD or Knot (key: name: algorithm:
// secret:). Other statements are refused. A file has up to 1 MiB.
func ReadTSIGKeys(r io.Reader) ([]*TSIGKey, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeyFileBytes {
		return nil, fmt.Errorf("dns: TSIG keys: want up to %d bytes", maxKeyFileBytes)
	}
	var f keyFile
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		f.line++
		if err := f.read(s.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", f.line, err)
		}
	}
	if err := f.end(); err != nil {
		return nil, fmt.Errorf("line %d: %w", f.line, err)
	}
	return f.keys, nil
}

// A keyFile is a file of keys that is being read. What the three servers write
// differs in punctuation only, so that one reader of words does.
type keyFile struct {
	line                    int
	keys                    []*TSIGKey
	open                    bool // within a key
	algorithm, name, secret string
	word                    string // whose value comes next
}

// read takes the words of one line.
func (f *keyFile) read(line string) error {
	for i := range len(line) {
		if line[i] == '#' || line[i] == '/' && strings.HasPrefix(line[i:], "//") && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	if fields := strings.Fields(line); !f.open && len(fields) == 1 && strings.Contains(strings.TrimSuffix(fields[0], ":"), ":") {
		k, err := ParseTSIGKey(fields[0])
		if err == nil {
			f.keys = append(f.keys, k)
		}
		return err
	}
	clean := strings.NewReplacer(`"`, " ", ";", " ", "{", " ", "}", " ").Replace(line)
	for _, w := range strings.Fields(clean) {
		if w == "-" { // of a list
			continue
		}
		if err := f.take(w); err != nil {
			return err
		}
	}
	if f.word == "key" { // the name is on a line of its own
		f.word = ""
	}
	return nil
}

// take takes a word: the value of the one before, or what a value is for.
func (f *keyFile) take(w string) error {
	is := f.word
	f.word = ""
	switch is {
	case "key", "name", "id":
		if is != "key" && f.name != "" { // the next of a list
			if err := f.end(); err != nil {
				return err
			}
			f.open = true
		}
		f.name = w
		return nil
	case "algorithm":
		f.algorithm = w
		return nil
	case "secret":
		f.secret = w
		return nil
	}
	if word, value, ok := strings.Cut(w, ":"); ok && value != "" { // name:value
		f.word = word
		if word == "name" || word == "id" || word == "algorithm" || word == "secret" {
			return f.take(value)
		}
	}
	switch f.word = strings.TrimSuffix(w, ":"); f.word {
	case "key":
		if err := f.end(); err != nil {
			return err
		}
		f.open, f.word = true, "key"
		return nil
	case "name", "id", "algorithm", "secret":
		if f.open {
			return nil
		}
	}
	f.word = ""
	return fmt.Errorf("dns: TSIG keys: %.20q: want key, name, algorithm or secret", w)
}

// end completes a key.
func (f *keyFile) end() error {
	if !f.open {
		return nil
	}
	k, err := newTSIGKey(f.algorithm, f.name, f.secret)
	if err != nil {
		return err
	}
	f.keys = append(f.keys, k)
	f.open, f.algorithm, f.name, f.secret, f.word = false, "", "", "", ""
	return nil
}

// A Keyring is the keys that a server knows. Immutable after first use.
type Keyring struct {
	keys map[string]*TSIGKey // by Name
}

// NewKeyring makes one of keys with different names.
func NewKeyring(keys ...*TSIGKey) (*Keyring, error) {
	r := &Keyring{keys: make(map[string]*TSIGKey, len(keys))}
	for _, k := range keys {
		if err := k.check(); err != nil {
			return nil, err
		}
		if r.keys[string(k.Name)] != nil {
			return nil, fmt.Errorf("dns: TSIG key %s: there are two: want each name once", k.Name)
		}
		r.keys[string(k.Name)] = k
	}
	return r, nil
}

// Find is the key of a name; nil: there is none. A nil Keyring has none.
func (r *Keyring) Find(name Name) *TSIGKey {
	if r == nil {
		return nil
	}
	return r.keys[string(name)]
}
