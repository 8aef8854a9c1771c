package cred_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/service/cred"
)

// key is a public key as the protocol carries it, and as a file has it.
func key(kind, material string) (blob []byte, text string) {
	for _, s := range []string{kind, material} {
		blob = binary.BigEndian.AppendUint32(blob, uint32(len(s)))
		blob = append(blob, s...)
	}
	return blob, kind + " " + base64.StdEncoding.EncodeToString(blob)
}

const people = "jo:x:1000:1000::/people/jo:/bin/sh\nal:x:1001:1001::/people/al:/bin/sh\n"

func good() error { return nil }

// CR07, CR08: a key of the user's file, with a signature; without one Check
// answers and Login refuses.
func TestCR08SSHKeys(t *testing.T) {
	mine, text := key("ssh-ed25519", "mine")
	other, otherText := key("ssh-ed25519", "other")
	stranger, _ := key("ssh-ed25519", "stranger")
	d := newDesk(t, &cred.SSHKeys{})
	write(t, d.clock.FS(), "/etc/passwd", people, 0o644)
	write(t, d.clock.FS(), "/people/jo/.ssh/authorized_keys", "# mine\n"+text+" jo@laptop, with a comment\n"+otherText+"\n", 0o600)
	bad := errors.New("bad signature")
	for _, c := range []struct {
		name    string
		k       cred.SSHKey
		ok, may bool // Login lets in, Check says yes
	}{
		{"signed", cred.SSHKey{User: "jo", Key: mine, Verify: good}, true, true},
		{"the second", cred.SSHKey{User: "jo", Key: other, Verify: good}, true, true},
		{"a bad signature", cred.SSHKey{User: "jo", Key: mine, Verify: func() error { return bad }}, false, false},
		{"not signed yet", cred.SSHKey{User: "jo", Key: mine}, false, true},
		{"a stranger's", cred.SSHKey{User: "jo", Key: stranger, Verify: good}, false, false},
		{"no key", cred.SSHKey{User: "jo", Verify: good}, false, false},
		{"jo's for al", cred.SSHKey{User: "al", Key: mine, Verify: good}, false, false},
		{"nobody", cred.SSHKey{User: "nobody", Key: mine, Verify: good}, false, false},
		{"a path", cred.SSHKey{User: "../jo", Key: mine, Verify: good}, false, false},
	} {
		s, err := d.login(c.k)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, cred.ErrUnauthorized) {
			t.Errorf("%s: got %v, want let in: %v", c.name, err, c.ok)
		}
		if err == nil && (s.User != "jo" || s.By != cred.KindSSHKey) {
			t.Errorf("%s: got %+v, want jo by key", c.name, s.Identity)
		}
		if _, err := wait(t, d.clock, d.Check(d.clock, c.k, peer)); (err == nil) != c.may {
			t.Errorf("%s: Check: got %v, want yes: %v", c.name, err, c.may)
		}
	}
}

// CR08: what a line restricts is obeyed here, or by the realm, or refused.
func TestCR08SSHKeyOptions(t *testing.T) {
	blob, text := key("ssh-ed25519", "mine")
	for _, c := range []struct {
		options string
		ok      bool
		handed  []cred.Option
	}{
		{"", true, nil},
		{`from="192.0.2.1" `, true, nil},
		{`from="192.0.2.0/24" `, true, nil},
		{`from="192.0.*" `, true, nil},
		{`FROM="10.0.0.1,192.0.2.?" `, true, nil},
		{`from="192.0.2.2" `, false, nil},
		{`from="192.0.2.0/24,!192.0.2.1" `, false, nil},
		{`from="!192.0.2.2" `, false, nil},
		{`from="trusted.example.org" `, false, nil},
		{`from="*,!bad.example.org" `, false, nil},
		{`from="" `, false, nil},
		{`expiry-time="20300102" `, true, nil},
		{`expiry-time="20300101000000Z" `, false, nil},
		{`expiry-time="203001010001" `, true, nil},
		{`expiry-time="soon" `, false, nil},
		{`restrict,command="ls -l \"a b\", c" `, true, []cred.Option{{Name: "restrict"}, {Name: "command", Value: `ls -l "a b", c`}}},
		{"no-pty ", false, nil},
		{"restrict,no-such-option ", false, nil},
		{"cert-authority ", false, nil},
		{`command="unfinished `, false, nil},
		{`command=ls `, false, nil},
		{"restrict,, ", false, nil},
		{"ssh-rsa ", false, nil},
	} {
		d := newDesk(t, &cred.SSHKeys{Options: []string{"restrict", "command"}})
		write(t, d.clock.FS(), "/etc/passwd", people, 0o644)
		write(t, d.clock.FS(), "/people/jo/.ssh/authorized_keys", c.options+text+"\n", 0o600)
		s, err := d.login(cred.SSHKey{User: "jo", Key: blob, Verify: good})
		d.login(cred.SSHKey{User: "jo", Key: blob, Verify: good})
		if n := strings.Count(d.clock.Logged(), "SSH keys are ignored"); n > 1 {
			t.Errorf("%q: it is logged %d times, want once", c.options, n)
		}
		if (err == nil) != c.ok {
			t.Errorf("%q: got %v, want let in: %v", c.options, err, c.ok)
			continue
		}
		if c.ok && !slices.Equal(s.Options, c.handed) {
			t.Errorf("%q: the realm got %v, want %v", c.options, s.Options, c.handed)
		}
		if !c.ok && !strings.Contains(d.clock.Logged(), "authorized_keys: line 1") {
			t.Errorf("%q: nobody is told why:\n%s", c.options, d.clock.Logged())
		}
	}
}

// CR08: a file that others can write does not count, nor one in a directory of
// theirs; and patterns of one's own.
func TestCR08SSHKeyFiles(t *testing.T) {
	blob, text := key("ssh-ed25519", "mine")
	login := cred.SSHKey{User: "jo", Key: blob, Verify: good}
	for _, c := range []struct {
		name  string
		files []string
		setup func(t *testing.T, d *desk)
		ok    bool
	}{
		{"another place", []string{"/keys/%u", "/none/%%"}, func(t *testing.T, d *desk) { write(t, d.clock.FS(), "/keys/jo", text, 0o644) }, true},
		{"the second place", []string{"/none/%u", "%h/keys"}, func(t *testing.T, d *desk) { write(t, d.clock.FS(), "/people/jo/keys", text, 0o644) }, true},
		{"writable by all", []string{"/keys/%u"}, func(t *testing.T, d *desk) { write(t, d.clock.FS(), "/keys/jo", text, 0o646) }, false},
		{"writable by its group", []string{"/keys/%u"}, func(t *testing.T, d *desk) { write(t, d.clock.FS(), "/keys/jo", text, 0o664) }, false},
		{"in a directory of all", []string{"/keys/%u"}, func(t *testing.T, d *desk) {
			d.clock.FS().Mkdir("/keys", 0o777)
			write(t, d.clock.FS(), "/keys/jo", text, 0o600)
		}, false},
		{"without end", []string{"/keys/%u"}, func(t *testing.T, d *desk) {
			write(t, d.clock.FS(), "/keys/jo", text+"\n"+strings.Repeat("#\n", 1<<19), 0o600)
		}, false},
	} {
		d := newDesk(t, &cred.SSHKeys{Files: c.files})
		write(t, d.clock.FS(), "/etc/passwd", people, 0o644)
		c.setup(t, d)
		if _, err := d.login(login); (err == nil) != c.ok {
			t.Errorf("%s: got %v, want let in: %v\n%s", c.name, err, c.ok, d.clock.Logged())
		}
	}
}

// CR08: an IPv6 peer, and one without an address.
func TestCR08SSHKeyFromElsewhere(t *testing.T) {
	blob, text := key("ssh-ed25519", "mine")
	d := newDesk(t, &cred.SSHKeys{})
	write(t, d.clock.FS(), "/etc/passwd", people, 0o644)
	write(t, d.clock.FS(), "/people/jo/.ssh/authorized_keys", `from="2001:DB8::1" `+text, 0o600)
	for from, ok := range map[cred.Origin]bool{
		{Peer: netip.MustParseAddr("2001:db8::1")}: true,
		{Peer: netip.MustParseAddr("2001:db8::2")}: false,
		{}: false,
	} {
		_, err := wait(t, d.clock, d.Check(d.clock, cred.SSHKey{User: "jo", Key: blob, Verify: good}, from))
		if (err == nil) != ok {
			t.Errorf("%v: got %v, want yes: %v", from.Peer, err, ok)
		}
	}
	d.clock.Advance(time.Second)
}
