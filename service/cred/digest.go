package cred

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/twistor-go/twistor"
)

// A Digest is what a client answered to a Digester's challenge. It needs a
// Checker that has the password itself. Immutable after first use.
//
// https://www.rfc-editor.org/rfc/rfc7616#section-3.4
type Digest struct {
	User      string
	Realm     string
	Algorithm string // MD5, MD5-sess, SHA-256 or SHA-256-sess
	QOP       string // auth, auth-int; "": none, as RFC 2069 had it
	Nonce     string
	Count     string // nc, 8 hexadecimal digits
	CNonce    string
	URI       string
	Response  []byte

	Method string // of the request that it stands in
	Body   []byte // that request's, for auth-int
}

var digestHashes = map[string]func() hash.Hash{
	"MD5": md5.New, "MD5-sess": md5.New, "SHA-256": sha256.New, "SHA-256-sess": sha256.New,
}

// Kind is KindDigest.
func (*Digest) Kind() Kind { return KindDigest }

// Claim is User.
func (d *Digest) Claim() string { return d.User }

// Matches compares the response with what the password makes:
// https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1.
func (d *Digest) Matches(password twistor.Secret) bool {
	newHash := digestHashes[d.Algorithm]
	if newHash == nil {
		return false
	}
	sum := func(parts ...string) string {
		h := newHash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	a1 := sum(d.User, d.Realm, password.Reveal())
	if strings.HasSuffix(d.Algorithm, "-sess") {
		a1 = sum(a1, d.Nonce, d.CNonce)
	}
	a2 := sum(d.Method, d.URI)
	if d.QOP == "auth-int" {
		a2 = sum(d.Method, d.URI, sum(string(d.Body)))
	}
	want := sum(a1, d.Nonce, a2)
	if d.QOP != "" {
		want = sum(a1, d.Nonce, d.Count, d.CNonce, d.QOP, a2)
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(hex.EncodeToString(d.Response))) == 1
}

// A Request is what a Digest is checked against: the message it came in.
// Immutable after first use.
type Request struct {
	Method string
	URI    string // the request's target, as sent
	Body   []byte // for auth-int; nil: none
}

// parseDigest reads the parameters of an Authorization field.
func parseDigest(header string) (d *Digest, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return nil, malformed("digest: want the scheme Digest")
	}
	params, err := parseParams(rest)
	if err != nil {
		return nil, malformed("digest: %w", err)
	}
	d = &Digest{
		User: params["username"], Realm: params["realm"], Algorithm: params["algorithm"], QOP: params["qop"],
		Nonce: params["nonce"], Count: params["nc"], CNonce: params["cnonce"], URI: params["uri"],
	}
	if encoded, ok := params["username*"]; ok {
		if d.User, ok = unescapeUTF8(encoded); !ok || params["username"] != "" {
			return nil, malformed("digest: username*: want UTF-8'' and escapes, and no username")
		}
	}
	d.Algorithm = algorithm(d.Algorithm)
	newHash := digestHashes[d.Algorithm]
	switch {
	case newHash == nil:
		return nil, malformed("digest: unknown algorithm: want MD5, MD5-sess, SHA-256 or SHA-256-sess")
	case strings.EqualFold(params["userhash"], "true"):
		return nil, malformed("digest: userhash was not offered")
	case d.User == "" || d.Nonce == "" || d.URI == "":
		return nil, malformed("digest: want username, nonce and uri")
	case d.QOP != "" && d.QOP != "auth" && d.QOP != "auth-int":
		return nil, malformed("digest: unknown qop: want auth or auth-int")
	case d.QOP != "" && (len(d.Count) != 8 || !isHex(d.Count) || d.CNonce == ""):
		return nil, malformed("digest: want cnonce, and 8 digits of nc")
	}
	if d.Response, err = hex.DecodeString(params["response"]); err != nil || len(d.Response) != newHash().Size() {
		return nil, malformed("digest: response: want %d hexadecimal digits", 2*newHash().Size())
	}
	return d, nil
}

// algorithm is the name as the specification writes it; "" is MD5.
func algorithm(name string) string {
	if name == "" {
		return "MD5"
	}
	for _, known := range []string{"MD5", "MD5-sess", "SHA-256", "SHA-256-sess"} {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}

// parseParams reads name=value, with or without quotes, by commas. A name that
// comes twice is refused: two readers would not choose the same one.
// https://www.rfc-editor.org/rfc/rfc9110#section-11.2
func parseParams(s string) (map[string]string, error) {
	if len(s) > maxResponseBytes {
		return nil, fmt.Errorf("%d bytes: want at most %d", len(s), maxResponseBytes)
	}
	params := map[string]string{}
	for s = strings.TrimLeft(s, " \t,"); s != ""; s = strings.TrimLeft(s, " \t") {
		name, rest, ok := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" || strings.ContainsAny(name, " \t\",;") {
			return nil, fmt.Errorf("want name=value, by commas")
		}
		if _, twice := params[name]; twice {
			return nil, fmt.Errorf("%.20q twice", name)
		}
		rest = strings.TrimLeft(rest, " \t")
		var value string
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = quoted(rest); !ok {
				return nil, fmt.Errorf("%.20q: want a quote at the end", name)
			}
		} else {
			end := strings.IndexAny(rest, ", \t")
			if end < 0 {
				end = len(rest)
			}
			value, rest = rest[:end], rest[end:]
		}
		params[name] = value
		rest = strings.TrimLeft(rest, " \t")
		if rest != "" && rest[0] != ',' {
			return nil, fmt.Errorf("%.20q: want a comma after it", name)
		}
		s = strings.TrimLeft(rest, " \t,")
	}
	return params, nil
}

// quoted reads a quoted-string, in which a backslash stands before any byte.
func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// unescapeUTF8 reads an ext-value: https://www.rfc-editor.org/rfc/rfc8187#section-3.2.
func unescapeUTF8(s string) (string, bool) {
	charset, rest, _ := strings.Cut(s, "'")
	_, text, ok := strings.Cut(rest, "'")
	if !ok || !strings.EqualFold(charset, "UTF-8") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i+2 >= len(text) {
			return "", false
		}
		c, err := hex.DecodeString(text[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.Write(c)
		i += 2
	}
	return b.String(), true
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
