package tlslayer_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// files writes the authority's and a certificate's PEM.
func files(t *testing.T, leaf certtest.Leaf) (roots, chain, key string) {
	dir := t.TempDir()
	roots, chain, key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c, k := certtest.PEM(ca.Issue(leaf))
	for name, b := range map[string][]byte{roots: ca.PEM(), chain: c, key: k} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return roots, chain, key
}

// A session is a program one talks to line by line.
type session struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	all bytes.Buffer
}

// talk starts a program.
func talk(t *testing.T, path string, args ...string) *session {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	s := &session{t: t, cmd: exec.CommandContext(ctx, path, args...)}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.cmd.Stdout
	s.in, s.out = in, bufio.NewReader(io.TeeReader(out, &s.all))
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *session) say(text string) { io.WriteString(s.in, text) }

// hear reads until a line contains want.
func (s *session) hear(want string) bool {
	for {
		line, err := s.out.ReadString('\n')
		if strings.Contains(line, want) {
			return true
		}
		if err != nil {
			return false
		}
	}
}

// want is hear, or the test fails with all that was said.
func (s *session) want(what string) {
	s.t.Helper()
	if !s.hear(what) {
		s.t.Errorf("%s: want %q in:\n%s", s.cmd, what, s.all.String())
	}
}

// end closes its input, and returns what the program did.
func (s *session) end() error {
	s.in.Close()
	io.Copy(io.Discard, s.out)
	return s.cmd.Wait()
}

// TestInteropOpenSSLClient: s_client verifies us, talks, asks for new keys, and
// resumes.
func TestInteropOpenSSLClient(t *testing.T) {
	path := peertest.Program(t, "openssl")
	roots, _, _ := files(t, certtest.Leaf{})
	_, addr := run(t, ca.Server("a.test"), echoes)
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		ticket := filepath.Join(t.TempDir(), "session")
		args := []string{"s_client", "-connect", addr, "-servername", "a.test", "-CAfile", roots,
			"-verify_hostname", "a.test", "-verify_return_error", version}
		s := talk(t, path, append(args, "-sess_out", ticket)...)
		s.say("hello\n")
		s.want("hello")
		if version == "-tls1_3" {
			s.say("K\n") // a KeyUpdate that asks for ours
			s.want("KEYUPDATE")
		}
		s.say("again\n")
		s.want("again")
		s.say("Q\n")
		if err := s.end(); err != nil {
			t.Errorf("%s: %v\n%s", version, err, s.all.String())
		}
		s = talk(t, path, append(args, "-sess_in", ticket)...)
		s.say("hello\n")
		s.want("Reused")
		s.want("hello")
		s.say("Q\n")
		s.end()
	}
}

// TestTLS_08Renegotiation: s_client asks for a second handshake, and is refused.
func TestTLS_08Renegotiation(t *testing.T) {
	path := peertest.Program(t, "openssl")
	_, addr := run(t, ca.Server("a.test"), echoes)
	s := talk(t, path, "s_client", "-connect", addr, "-tls1_2")
	s.say("hello\n")
	s.want("hello")
	s.say("R\n")
	s.want("RENEGOTIATING")
	s.want("alert unexpected message")
	s.end()
}

// TestTLS_08RenegotiationAsClient: s_server asks for a second handshake, and is
// refused, though the Config would allow it.
func TestTLS_08RenegotiationAsClient(t *testing.T) {
	path := peertest.Program(t, "openssl")
	_, chain, key := files(t, certtest.Leaf{Names: []string{"a.test"}})
	port := freePort(t)
	s := talk(t, path, "s_server", "-accept", port, "-cert", chain, "-key", key, "-tls1_2")
	s.want("ACCEPT")
	l, _ := run(t, ca.Server("a.test"), echoes)
	cc := ca.Client("a.test")
	cc.Renegotiation = tls.RenegotiateFreelyAsClient
	p := &dialer{}
	p.connected = func() { p.Write([]byte("hello\n")) }
	if err := dial(l, "127.0.0.1:"+port, cc, p); err != nil {
		t.Fatalf("%v\n%s", err, s.all.String())
	}
	s.want("hello")
	s.say("r\n")
	p.wait(t)
	if p.err == nil || !strings.Contains(p.err.Error(), "no renegotiation") {
		t.Errorf("ended with %v, want the refusal", p.err)
	}
	s.cmd.Process.Kill()
	s.end()
}

// TestInteropOpenSSLServer: our client talks to s_server, whose certificate is
// RSA, and shows one of its own.
func TestInteropOpenSSLServer(t *testing.T) {
	path := peertest.Program(t, "openssl")
	roots, chain, key := files(t, certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		port := freePort(t)
		s := talk(t, path, "s_server", "-accept", port, "-cert", chain, "-key", key,
			"-CAfile", roots, "-Verify", "1", "-verify_return_error", "-rev", version)
		s.want("ACCEPT")
		l, _ := run(t, ca.Server("a.test"), echoes)
		_, cc := ca.Mutual(ca.Server("a.test"), ca.Client("a.test"))
		p := &dialer{}
		p.connected = func() { p.Write([]byte("hello\n")) }
		p.received = func([]byte) {
			if bytes.HasSuffix(p.heard, []byte("\n")) {
				p.Close()
			}
		}
		if err := dial(l, "127.0.0.1:"+port, cc, p); err != nil {
			t.Fatalf("%s: %v\n%s", version, err, s.all.String())
		}
		p.wait(t)
		wantString(t, version, p.heard, "olleh\n")
		s.cmd.Process.Kill()
		s.end()
	}
}

// freePort is a port that nobody listens at now.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// TestInteropGnuTLS: gnutls-cli verifies us, talks, and sees a clean end.
func TestInteropGnuTLS(t *testing.T) {
	path := peertest.Program(t, "gnutls-cli")
	roots, _, _ := files(t, certtest.Leaf{})
	_, addr := run(t, ca.Server("a.test"), echoes)
	_, port, _ := net.SplitHostPort(addr)
	for _, version := range []string{"1.2", "1.3"} {
		s := talk(t, path, "--x509cafile", roots, "--sni-hostname", "a.test", "--verify-hostname", "a.test",
			"--priority", "NORMAL:-VERS-ALL:+VERS-TLS"+version, "-p", port, "127.0.0.1")
		s.want("Handshake was completed")
		s.say("hello\n")
		s.want("hello")
		if err := s.end(); err != nil || strings.Contains(s.all.String(), "Error") {
			t.Errorf("%s: %v\n%s", version, err, s.all.String())
		}
	}
}
