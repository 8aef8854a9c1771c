package passwd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// passwords are some that programs could take differently.
var passwords = []string{"p", "correct horse", "pässwörd", "a:b$c\\d", strings.Repeat("long", 18), strings.Repeat("x", 17)}

func accepts(t *testing.T, by, record, password string) {
	t.Helper()
	r, err := Parse(record)
	if err != nil {
		t.Errorf("%s made %q: %v", by, record, err)
		return
	}
	if !r.Verify(password) || r.Verify(password[:len(password)-1]+"~") {
		t.Errorf("%s made %q of %q: want that password only", by, record, password)
	}
}

// CR05: files of htpasswd.
func TestInteropHtpasswd(t *testing.T) {
	htpasswd := peertest.Program(t, "htpasswd")
	for _, form := range []string{"-B", "-m", "-s", "-2", "-5"} {
		for _, password := range passwords {
			out, err := exec.Command(htpasswd, "-nb", form, "user", password).Output()
			if err != nil {
				t.Fatalf("htpasswd %s: %v", form, err)
			}
			_, record, _ := strings.Cut(strings.TrimSpace(string(out)), ":")
			accepts(t, "htpasswd "+form, record, password)
		}
	}
	// And a file of ours is read by it.
	r, _ := Parse(vectors[3].record)
	name := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(name, []byte("user:"+r.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(htpasswd, "-vb", name, "user", vectors[3].password).CombinedOutput(); err != nil {
		t.Errorf("htpasswd -v: %v: %s", err, out)
	}
}

// CR05: openssl passwd.
func TestInteropOpenSSL(t *testing.T) {
	openssl := peertest.Program(t, "openssl")
	for _, form := range []string{"-1", "-apr1", "-5", "-6"} {
		for _, password := range passwords {
			out, err := exec.Command(openssl, "passwd", form, password).Output()
			if err != nil {
				t.Fatalf("openssl passwd %s: %v", form, err)
			}
			accepts(t, "openssl passwd "+form, strings.TrimSpace(string(out)), password)
		}
	}
}

// CR08: the C library's crypt, by python3, which has it up to version 3.12; and
// SCRAM's keys by its hashlib.
func TestInteropPython(t *testing.T) {
	python := peertest.Program(t, "python3")
	run := func(script string, args ...string) (string, error) {
		out, err := exec.Command(python, append([]string{"-W", "ignore", "-c", script}, args...)...).Output()
		return strings.TrimSpace(string(out)), err
	}
	out, err := run(`import sys, hashlib, hmac, base64
b, salt = base64.b64encode, b"0123456789abcdef"
for p in sys.argv[1:]:
    k = hashlib.pbkdf2_hmac("sha256", p.encode(), salt, 4096)
    h = lambda s: hmac.digest(k, s, "sha256")
    print("SCRAM-SHA-256$4096:%s$%s:%s" % (b(salt).decode(), b(hashlib.sha256(h(b"Client Key")).digest()).decode(), b(h(b"Server Key")).decode()))`, passwords...)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range strings.Split(out, "\n") {
		keys, err := NewSCRAM(passwords[i], 0, strings.NewReader("0123456789abcdef"))
		if got := keys.Record().Text(); err != nil || got != want {
			t.Errorf("got %s, %v, python3 says %s", got, err, want)
		}
	}
	settings := []string{"$y$j9T$abcdefgh", "$y$j75$0123456789abcdefghijk.", "$y$j85$./", "$y$j65$Zk0n1gSVoLR9SrHxD3eM11", "$y$j/.$abcd",
		"$5$abc", "$6$rounds=1234$abc", "$6$$", "$1$abc", "$2b$05$abcdefghijklmnopqrstuu"}
	args := []string{}
	for i, setting := range settings {
		args = append(args, passwords[i%len(passwords)], setting)
	}
	out, err = run("import crypt, sys; [print(crypt.crypt(*sys.argv[i:i+2])) for i in range(1, len(sys.argv), 2)]", args...)
	if err != nil {
		t.Skip("python3 is without crypt")
	}
	for i, record := range strings.Split(out, "\n") {
		if !strings.HasPrefix(record, settings[i]) {
			t.Logf("crypt does not take %s: %s", settings[i], record)
			continue
		}
		accepts(t, "crypt", record, passwords[i%len(passwords)])
	}
}
