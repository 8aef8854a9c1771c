package cred_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/service/cred"
)

func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := exec.Command(peertest.Program(t, "python3"), append([]string{"-W", "ignore", "-c", script}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// CR07: the client of CRAM-MD5 that python3's smtplib has.
func TestInteropCRAMMD5(t *testing.T) {
	peertest.Program(t, "python3")
	d := newDesk(t, users("jo", "secret"))
	for text, ok := range map[string]bool{"secret": true, "wrong": false} {
		k := d.talk("CRAM-MD5", peer)
		challenge, err := k.says(nil)
		if err != nil {
			t.Fatal(err)
		}
		answer := python(t, `import smtplib, sys
s = smtplib.SMTP()
s.user, s.password = sys.argv[1:3]
print(s.auth_cram_md5(sys.argv[3].encode()))`, "jo", text, string(challenge))
		if _, err := k.says([]byte(answer)); (err == nil) != ok {
			t.Errorf("%s: got %v, want accepted: %v", text, err, ok)
		}
	}
}

// CR07: the client of Digest that python3's urllib has.
func TestInteropDigest(t *testing.T) {
	peertest.Program(t, "python3")
	d := newDesk(t, users("jo", "secret"))
	digester := &cred.Digester{Realm: "the realm", Algorithms: []string{"MD5"}}
	challenges, err := digester.Challenges(d.clock, peer, false)
	if err != nil {
		t.Fatal(err)
	}
	for text, ok := range map[string]bool{"secret": true, "wrong": false} {
		header := python(t, `import sys, random
from urllib import request as r
h = r.HTTPDigestAuthHandler()
h.add_password("the realm", "http://host/", "jo", sys.argv[1])
h.nonce_count = random.randrange(10**6)
h.last_nonce = "x"
print("Digest " + h.get_authorization(r.Request("http://host/a/b?c=d"), r.parse_keqv_list(r.parse_http_list(sys.argv[2]))))`,
			text, strings.TrimPrefix(challenges[0], "Digest "))
		c, err := digester.Parse(d.clock, header, cred.Request{Method: "GET", URI: "/a/b?c=d"}, peer)
		if err != nil {
			t.Fatalf("%s: %v: %s", text, err, header)
		}
		if _, err := d.login(c); (err == nil) != ok {
			t.Errorf("%s: got %v, want accepted: %v", text, err, ok)
		}
		challenges, _ = digester.Challenges(d.clock, peer, true)
	}
}

// CR08: keys that ssh-keygen makes.
func TestInteropSSHKeygen(t *testing.T) {
	keygen := peertest.Program(t, "ssh-keygen")
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		name := filepath.Join(t.TempDir(), "key")
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-C", "a comment, \"quoted\"", "-f", name).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
		line, err := os.ReadFile(name + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		blob, err := base64.StdEncoding.DecodeString(strings.Fields(string(line))[1])
		if err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, &cred.SSHKeys{})
		write(t, d.clock.FS(), "/etc/passwd", people, 0o644)
		write(t, d.clock.FS(), "/people/jo/.ssh/authorized_keys", `from="192.0.2.1" `+string(line), 0o600)
		if _, err := d.login(cred.SSHKey{User: "jo", Key: blob, Verify: good}); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, d.clock.Logged())
		}
	}
}
