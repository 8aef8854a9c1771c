package cred_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// CR09: on a real loop, with its real pool, logins of all checkers at a time,
// while files change and clients hang up: all are answered rightly. The race
// detector looks for what a job and the loop would share.
func TestCR09RealPool(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	blob, line := key("ssh-ed25519", "mine")
	people := path("passwd", "al:x:1:1::"+dir+":/bin/sh\n")
	shadow := path("shadow", "al:"+sha512P+":1:::::1000000:\n")
	path("keys", line)
	cheap := passwd.Argon2id{MemoryKiB: 64, Passes: 1}
	old, err := cheap.Hash("memory", strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	lines := "ed:" + bcryptP + "\nbad line\n"
	file := path("users", lines)
	portal := &cred.Portal[string]{
		Checkers: []cred.Checker{
			&cred.Memory{Users: map[string]passwd.Record{"jo": old}, Hashing: passwd.Argon2id{MemoryKiB: 128, Passes: 1}},
			&cred.File{Name: file},
			&cred.UNIX{Passwd: people, Shadow: shadow},
			&cred.SSHKeys{Passwd: people, Files: []string{"%h/keys"}},
		},
		Realm: cred.RealmFunc[string](func(_ *deferred.Co, id cred.Identity, _ cred.Origin) (string, func(), error) {
			return id.User, nil, nil
		}),
		MaxWaiting: 1000,
		Tries:      cred.Tries{MaxDelay: -1},
	}
	r := reactor.New(&reactor.Config{Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	const rounds = 8
	left := rounds * 6
	var writes deferred.Lane
	r.Loop().Post(func() {
		l := r.Loop()
		for round := range rounds {
			for i, c := range []struct {
				c  cred.Credentials
				ok bool
			}{
				{password("jo", "memory"), true},
				{password("ed", "p"), true},
				{password("al", "p"), true},
				{cred.SSHKey{User: "al", Key: blob, Verify: good}, true},
				{password("al", "wrong"), false},
				{password("nobody", "p"), false},
			} {
				login := portal.Login(l, c.c, cred.Origin{})
				hangUp := round%4 == 3
				login.Done(func(s *cred.Session[string], err error) {
					switch {
					case hangUp && !errors.Is(err, deferred.ErrCanceled):
						t.Errorf("%d: cancelled: got %v", i, err)
					case !hangUp && (err == nil) != c.ok:
						t.Errorf("%d: got %v, want let in: %v", i, err, c.ok)
					case err != nil && !hangUp && !errors.Is(err, cred.ErrUnauthorized):
						t.Errorf("%d: got %v, want %v", i, err, cred.ErrUnauthorized)
					}
					if left--; left == 0 {
						stop()
					}
				})
				if hangUp {
					login.Cancel()
				}
			}
			writes.Go(l, func(context.Context) error {
				return replace(file, lines+fmt.Sprintf("user%d:{plain}x\n", round))
			}).Done(func(_ struct{}, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
	if err := r.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left != 0 {
		t.Errorf("%d logins were not answered", left)
	}
}

// replace changes a file as programs should that others read meanwhile.
func replace(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
