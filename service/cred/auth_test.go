package cred_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/service/cred"
)

func parse(t *testing.T, auth *cred.Auth, args ...string) ([]cred.Checker, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	auth.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return auth.Checkers()
}

// G19, CR08: each type makes its checker, in the order of the flags.
func TestG19Auth(t *testing.T) {
	auth := &cred.Auth{Default: []string{"unix"}}
	all, err := parse(t, auth, "--auth", `memory:jo:a\:b:al:c`, "--auth=file:/users:ignorecase:plain", "--auth", "anonymous")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, all...)
	write(t, d.clock.FS(), "/users", "Ed:{plain}x\n", 0o600)
	d.tries(map[string]bool{"jo a:b": true, "al c": true, "ED x": true, "jo a": false})
	if _, err := d.login(cred.Anonymous{}); err != nil {
		t.Errorf("anonymous: %v", err)
	}
	if _, ok := all[1].(*cred.File); !ok || len(all) != 3 {
		t.Errorf("got %T, want a file as the second of three", all)
	}
	for args, want := range map[string]int{"": 1, "--auth=sshkey": 1, "--auth=sshkey:/etc/keys/%u": 1, "--auth=unix": 1, `--auth=file:/a\:b`: 1} {
		if all, err := parse(t, &cred.Auth{Default: []string{"unix"}}, strings.Fields(args)...); err != nil || len(all) != want {
			t.Errorf("%s: got %d checkers, %v, want %d", args, len(all), err, want)
		}
	}
	if all, err := parse(t, &cred.Auth{}); err != nil || len(all) != 0 {
		t.Errorf("nothing chosen and no default: got %v, %v, want nobody", all, err)
	}
}

// G19: usage errors say what was wanted.
func TestG19UsageErrors(t *testing.T) {
	for _, c := range []struct {
		kinds []cred.Kind
		arg   string
		want  string
	}{
		{nil, "pam", `unknown type "pam": want anonymous, file, memory, sshkey, unix`},
		{nil, "", `unknown type ""`},
		{nil, "file", "want the file's name (usage: --auth file:PATH[:OPTION...])"},
		{nil, "file:/x:y", "want ignorecase, scram or plain"},
		{nil, "memory", "want USER:PASSWORD"},
		{nil, "memory:jo", "want USER:PASSWORD"},
		{nil, "memory::x", "user 1 of 1: want a name"},
		{nil, "memory:jo:", "user 1 of 1: want a password"},
		{nil, "memory:a:b:a:c", "user 2 of 2 is the same"},
		{nil, `memory:a:b\c`, "after a backslash"},
		{nil, "unix:x", "want no argument (usage: --auth unix)"},
		{nil, "anonymous:x", "want no argument"},
		{nil, "sshkey:keys", "begins with / or %h/ (usage: --auth sshkey[:PATTERN])"},
		{[]cred.Kind{cred.KindPassword}, "sshkey", "this server cannot use ssh-key: want password"},
		{[]cred.Kind{cred.KindPassword}, "pam", "want file, memory, unix"},
		{[]cred.Kind{cred.KindSCRAM}, "file:/x", "this server cannot use password: want scram-sha-256"},
	} {
		_, err := parse(t, &cred.Auth{Kinds: c.kinds}, "--auth", c.arg)
		if _, ok := errors.AsType[*cred.UsageError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("--auth %s: got %v, want a usage error with %q", c.arg, err, c.want)
		}
	}
}

// G19: a checker that could do more than the server can receive does as much.
func TestG19OnlySupportedKinds(t *testing.T) {
	all, err := parse(t, &cred.Auth{Kinds: []cred.Kind{cred.KindPassword}}, "--auth", "memory:jo:x")
	if err != nil {
		t.Fatal(err)
	}
	if got := newDesk(t, all...).Kinds(); len(got) != 1 || got[0] != cred.KindPassword {
		t.Errorf("got kinds %v, want password only", got)
	}
}

// G19: help, of all types that the server can use, and of each.
func TestG19Help(t *testing.T) {
	_, err := parse(t, &cred.Auth{}, "--help-auth")
	help, ok := errors.AsType[*cred.Help](err)
	if !ok {
		t.Fatalf("got %v, want help", err)
	}
	for _, ty := range cred.Types() {
		if !strings.Contains(help.Text, "  "+ty.Name+" ") || !strings.Contains(help.Text, ty.Short) {
			t.Errorf("--help-auth lacks %s:\n%s", ty.Name, help.Text)
		}
		_, err := parse(t, &cred.Auth{}, "--help-auth-type", ty.Name)
		one, ok := errors.AsType[*cred.Help](err)
		if !ok || !strings.HasPrefix(one.Text, "--auth "+ty.Name) || !strings.Contains(one.Text, ty.Long) || !strings.Contains(one.Text, string(ty.Kinds[0])) {
			t.Errorf("--help-auth-type %s: got %v", ty.Name, err)
		}
	}
	if _, err := parse(t, &cred.Auth{}, "--help-auth-type", "pam"); !strings.Contains(err.Error(), "want anonymous, file") {
		t.Errorf("--help-auth-type pam: got %v", err)
	}
	_, err = parse(t, &cred.Auth{Kinds: []cred.Kind{cred.KindSSHKey}}, "--help-auth")
	if strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), "sshkey") {
		t.Errorf("a server of keys only: got\n%v", err)
	}
}

// G19: types of one's own.
func TestG19OwnTypes(t *testing.T) {
	auth := &cred.Auth{Types: append(cred.Types(), cred.Type{Name: "zero", Kinds: []cred.Kind{"zero"}, New: func(string) (cred.Checker, error) {
		return fixed{kinds: []cred.Kind{"zero"}}, nil
	}})}
	if all, err := parse(t, auth, "--auth", "zero"); err != nil || len(all) != 1 {
		t.Errorf("got %v, %v, want the checker", all, err)
	}
}
