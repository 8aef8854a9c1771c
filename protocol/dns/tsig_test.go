package dns

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
)

const testSecret = "c2VjcmV0IG9mIHR3byBwYXJ0aWVzIHRoYXQgc2lnbg=="

// at is the time of these tests.
var at = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)

func testKey(t testing.TB, algorithm string) *TSIGKey {
	t.Helper()
	k, err := newTSIGKey(algorithm, "Transfer.Example", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRing(t testing.TB, keys ...*TSIGKey) *Keyring {
	t.Helper()
	r, err := NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// question is a message that asks for name.
func question(t testing.TB, name string, rtype uint16) (*dns.Msg, []byte) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, rtype)
	m.Id = 4711
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// TestTSIG: each algorithm signs to the byte as the library does, requests,
// answers and those that follow; and both sides take it.
func TestTSIG(t *testing.T) {
	for _, algorithm := range []string{"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		k := testKey(t, algorithm)
		m, p := question(t, "example.com.", TypeAXFR)
		sign := func(m *dns.Msg, mac string, timers bool) ([]byte, string) {
			m.SetTsig("transfer.example.", algorithm+".", 300, at.Unix())
			want, mac, err := dns.TsigGenerate(m, testSecret, mac, timers)
			if err != nil {
				t.Fatal(err)
			}
			return want, mac
		}
		want, mac := sign(m, "", false)
		got, client, err := k.Sign(p, at)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: the request: got %x, want %x", algorithm, got, want)
		}
		server, err := testRing(t, k).Verify(got, at.Add(-299*time.Second))
		if err != nil {
			t.Fatalf("%s: the request: got %v, want it verified", algorithm, err)
		}
		for i := range 4 {
			a := new(dns.Msg)
			a.SetReply(m)
			a.Extra = nil
			plain, _ := a.Pack()
			want, mac = sign(a, mac, i > 0)
			got := server.Sign(slices.Clone(plain), at)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: message %d: got %x, want %x", algorithm, i, got, want)
			}
			body, err := client.Verify(got, at)
			if err != nil {
				t.Fatalf("%s: message %d: got %v, want it verified", algorithm, i, err)
			}
			if !bytes.Equal(body, plain) || !client.Proven() {
				t.Errorf("%s: message %d: got %x, want it as it was", algorithm, i, body)
			}
		}
	}
}

// answers are messages of an answer, the ones in sign signed.
func answers(t *testing.T, server *Signing, n int, sign ...int) (all [][]byte) {
	t.Helper()
	for i := range n {
		_, p := question(t, fmt.Sprintf("%d.example.com.", i), TypeA)
		if slices.Contains(sign, i) {
			p = server.Sign(p, at)
		} else {
			// What an older server does: it goes under the next signature.
			server.start()
			server.body.Write(p)
		}
		all = append(all, p)
	}
	return all
}

// TestTSIGUnsigned: messages between signed ones are proven by the next, 99 of
// them at most, and nothing can be put between.
func TestTSIGUnsigned(t *testing.T) {
	for _, tt := range []struct {
		name   string
		n      int
		sign   []int
		change func(all [][]byte) [][]byte
		want   string
	}{
		{"two between", 4, []int{0, 3}, nil, ""},
		{"99 between", 101, []int{0, 100}, nil, ""},
		{"100 between", 102, []int{0, 101}, nil, "is not signed"},
		{"the first is not", 2, []int{1}, nil, "is not signed"},
		{"one more", 3, []int{0, 2}, func(all [][]byte) [][]byte { return slices.Insert(all, 1, all[1]) }, "does not fit"},
		{"one less", 4, []int{0, 3}, func(all [][]byte) [][]byte { return slices.Delete(all, 1, 2) }, "does not fit"},
		{"two exchanged", 3, []int{0, 1, 2}, func(all [][]byte) [][]byte { return [][]byte{all[0], all[2], all[1]} }, "does not fit"},
		{"cut short", 3, []int{0, 2}, func(all [][]byte) [][]byte { return all[:2] }, "not proven"},
	} {
		k := testKey(t, "")
		_, p := question(t, "example.com.", TypeAXFR)
		p, client, _ := k.Sign(p, at)
		server, err := testRing(t, k).Verify(p, at)
		if err != nil {
			t.Fatal(err)
		}
		all := answers(t, server, tt.n, tt.sign...)
		if tt.change != nil {
			all = tt.change(all)
		}
		got := ""
		for _, p := range all {
			if _, err := client.Verify(slices.Clone(p), at); err != nil {
				got = err.Error()
				break
			}
		}
		if got == "" && !client.Proven() {
			got = "not proven"
		}
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestTSIGRefused: each way in which a request can be wrong has its code, and
// the refusal is signed where it can be, so that the client believes it.
func TestTSIGRefused(t *testing.T) {
	k, short := testKey(t, ""), testKey(t, "hmac-sha256-128")
	other := &TSIGKey{Name: MustParseName("other."), Secret: twistor.Conceal("x")}
	sha512 := &TSIGKey{Name: k.Name, Algorithm: "hmac-sha512", Secret: k.Secret}
	wrong := &TSIGKey{Name: k.Name, Secret: twistor.Conceal("x")}
	for _, tt := range []struct {
		name   string
		by     *TSIGKey
		change func(p []byte) []byte
		at     time.Time
		want   Rcode
		client Rcode // what the client makes of the refusal
	}{
		{"fine", k, nil, at, 0, 0},
		{"another name", other, nil, at, RcodeBadKey, RcodeBadKey},
		{"another algorithm", sha512, nil, at, RcodeBadKey, RcodeBadKey},
		{"another secret", wrong, nil, at, 16, 16},
		{"a changed message", k, func(p []byte) []byte { p[13]++; return p }, at, 16, 16},
		{"a changed id is restored", k, func(p []byte) []byte { p[0]++; return p }, at, 0, 0},
		{"an old one", k, nil, at.Add(301 * time.Second), RcodeBadTime, RcodeBadTime},
		{"one to come", k, nil, at.Add(-301 * time.Second), RcodeBadTime, RcodeBadTime},
		{"truncated", short, nil, at, rcodeBadTruncation, rcodeBadTruncation},
		{"not the last", k, func(p []byte) []byte { p[11]++; return append(p, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0) }, at, RcodeFormatError, 0},
		{"a byte behind", k, func(p []byte) []byte { return append(p, 0) }, at, RcodeFormatError, 0},
		{"without", nil, nil, at, 0, 0},
	} {
		_, p := question(t, "example.com.", TypeA)
		var client *Signing
		if tt.by != nil {
			p, client, _ = tt.by.Sign(p, at)
		}
		if tt.change != nil {
			p = tt.change(p)
		}
		server, err := testRing(t, k).Verify(p, tt.at)
		got := Rcode(0)
		if e, ok := errors.AsType[*TSIGError](err); ok {
			got = e.Rcode
		}
		if got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if server == nil || tt.by == nil {
			continue
		}
		_, answer := question(t, "example.com.", TypeA)
		_, err = client.Verify(server.Sign(answer, tt.at), at)
		got = 0
		if e, ok := errors.AsType[*TSIGError](err); ok {
			got = e.Rcode
		}
		if got != tt.client {
			t.Errorf("%s: the client: got %v, want %v", tt.name, err, tt.client)
		}
	}
}

// TestTSIGTruncated: a key with a shorter signature is used by both sides, and
// too short ones are no keys.
func TestTSIGTruncated(t *testing.T) {
	k := testKey(t, "HMAC-SHA256-128.")
	_, p := question(t, "example.com.", TypeA)
	plain := len(p)
	p, client, err := k.Sign(p, at)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(p)-plain, len(k.Name)+10+len("\x0bhmac-sha256\x00")+16+16; got != want {
		t.Errorf("got a record of %d bytes, want %d", got, want)
	}
	server, err := testRing(t, k).Verify(p, at)
	if err != nil {
		t.Fatal(err)
	}
	_, answer := question(t, "example.com.", TypeA)
	answer = server.Sign(answer, at)
	if _, err := client.Verify(answer, at); err != nil {
		t.Error(err)
	}
	for _, algorithm := range []string{"hmac-sha256-72", "hmac-sha256-120", "hmac-sha256-264", "hmac-sha256-129", "hmac-md5", "hmac-sha256x", "hmac-sha256-0128"} {
		if _, err := newTSIGKey(algorithm, "k", testSecret); err == nil {
			t.Errorf("%s: got a key, want an error", algorithm)
		}
	}
}

// TestReadTSIGKeys: the files of others are read, and what is no key is named
// with its line, without its secret.
func TestReadTSIGKeys(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"bind", "// made by tsig-keygen\nkey \"a.example\" {\n\talgorithm hmac-sha512; # strong\n\tsecret \"" + testSecret + "\";\n};\nkey b { secret \"eA==\"; algorithm hmac-sha1; };\n",
			"hmac-sha512:a.example. hmac-sha1:b."},
		{"nsd", "# keys\nkey:\n\tname: \"a\"\n\talgorithm: hmac-sha256\n\tsecret: \"" + testSecret + "\"\n\nkey:\n  name: b\n  secret: " + testSecret + "\n",
			"hmac-sha256:a. hmac-sha256:b."},
		{"nsd, close together", "key:\n\tname:\"a\"\n\talgorithm:hmac-sha1\n\tsecret:\"eA==\"\n", "hmac-sha1:a."},
		{"knot", "key:\n  - id: a\n    algorithm: hmac-sha384\n    secret: " + testSecret + "\n  - id: b\n    secret: eA==\n", "hmac-sha384:a. hmac-sha256:b."},
		{"lines", "a:" + testSecret + "\nhmac-sha1:b:eA==\n", "hmac-sha256:a. hmac-sha1:b."},
		{"nothing", "# none\n", ""},
		{"no secret", "key \"a\" {\n algorithm hmac-sha256;\n};\n", "line 3: dns: TSIG key a.: want a secret"},
		{"no base64", "\nkey \"a\" { secret \"geheim!\"; };\n", "line 2: dns: TSIG key a.: want the secret in base64"},
		{"no name", "key:\n secret: eA==\n", `line 2: dns: TSIG key: dns: name "": want a label, or . for the root`},
		{"md5", "hmac-md5:a:eA==\n", `line 1: dns: TSIG key a.: algorithm "hmac-md5": want hmac-sha256, -sha512, -sha384, -sha224 or -sha1 (MD5 must not be used)`},
		{"something else", "zone example.com {\n};\n", `line 1: dns: TSIG keys: "zone": want key, name, algorithm or secret`},
	} {
		keys, err := ReadTSIGKeys(strings.NewReader(tt.text))
		var words []string
		for _, k := range keys {
			s := k.String()
			if k.Algorithm == "" {
				s = "hmac-sha256:" + k.Name.String()
			}
			words = append(words, s)
		}
		got := strings.Join(words, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	k := testKey(t, "")
	for _, s := range []string{fmt.Sprintf("%v %+v %#v", k, *k, k), fmt.Sprint(k.Secret)} {
		secret, _ := base64.StdEncoding.DecodeString(testSecret)
		if strings.Contains(s, string(secret)) || strings.Contains(s, testSecret) {
			t.Errorf("got %q, want no secret in it", s)
		}
	}
	if _, err := NewKeyring(k, k); err == nil {
		t.Error("got a ring with one name twice, want an error")
	}
}

// FuzzReadTSIGKeys: whatever a file has, its keys are whole and can sign, or there is an
// error.
func FuzzReadTSIGKeys(f *testing.F) {
	f.Add("key \"a.example\" {\n\talgorithm hmac-sha512;\n\tsecret \"eA==\";\n};\n")
	f.Add("key:\n  - id: a\n    secret: eA==\n")
	f.Add("hmac-sha1:b:eA==\n")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ReadTSIGKeys(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, k := range keys {
			if err := k.check(); err != nil {
				t.Errorf("got %v, want whole keys", err)
			}
			if _, _, err := k.Sign(make([]byte, headerBytes), at); err != nil {
				t.Errorf("got %v, want it to sign", err)
			}
		}
	})
}

// FuzzTSIG: nothing in a message makes verification fail otherwise than by an
// error, and what was changed is not accepted.
func FuzzTSIG(f *testing.F) {
	k, err := newTSIGKey("", "k.", testSecret)
	if err != nil {
		f.Fatal(err)
	}
	r := testRing(f, k)
	_, p := question(f, "example.com.", TypeA)
	good, _, _ := k.Sign(p, at)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(p)
	f.Fuzz(func(t *testing.T, p []byte) {
		g, err := r.Verify(p, at)
		if err == nil && g != nil && !bytes.Equal(p[2:], good[2:]) {
			t.Errorf("got %x accepted", p)
		}
		_, client, _ := k.Sign([]byte(string(good[:12])), at)
		client.Verify(p, at)
		if g != nil && err != nil && len(p) >= headerBytes {
			g.Sign(slices.Clone(p[:headerBytes]), at)
		}
	})
}
