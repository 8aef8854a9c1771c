package cred_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// canary is a password that may not be seen.
const canary = "canary+ sings&"

// sees says in which spelling a text has the canary.
func sees(text string) string {
	for _, spelling := range []string{
		canary, base64.StdEncoding.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte("\x00jo\x00" + canary)),
		url.QueryEscape(canary), url.PathEscape(canary), hex.EncodeToString([]byte(canary)), strings.ToUpper(hex.EncodeToString([]byte(canary))),
		fmt.Sprint([]byte(canary)), "canary",
	} {
		if strings.Contains(text, spelling) {
			return spelling
		}
	}
	return ""
}

// T-28: a Secret does not show by any verb, at any depth, in any log or file.
func TestT_28SecretsDoNotPrint(t *testing.T) {
	type deep struct {
		hidden twistor.Secret
		Open   cred.Password
		Any    any
	}
	s := twistor.Conceal(canary)
	v := deep{s, password("jo", canary), []any{s, &s, map[string]twistor.Secret{"s": s}}}
	var all strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%c", "%p", "%w"} {
		fmt.Fprintf(&all, verb+"\n", s)
		fmt.Fprintf(&all, verb+"\n", v)
		fmt.Fprintf(&all, verb+"\n", &v)
	}
	fmt.Fprintln(&all, s, v, &v, errors.New(fmt.Sprint(s)))
	for _, h := range []slog.Handler{slog.NewTextHandler(&all, nil), slog.NewJSONHandler(&all, nil)} {
		slog.New(h).Info("login", "secret", s, "credentials", v, "group", slog.GroupValue(slog.Any("s", s)))
	}
	saved, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	all.Write(saved)
	if spelling := sees(all.String()); spelling != "" {
		t.Errorf("%q shows in:\n%s", spelling, all.String())
	}
	if !strings.Contains(all.String(), "[redacted]") {
		t.Errorf("want [redacted] in:\n%s", all.String())
	}
	if sees(s.Reveal()) == "" {
		t.Error("the search does not find what it looks for")
	}
	if (twistor.Secret{}).Reveal() != "" {
		t.Error("the zero Secret has a text")
	}
}

// T-28: no login, however it ends, leaves its password in an error or a log;
// nor does a file that has it, or a checker and a realm that fail.
func TestT_28LoginsDoNotTell(t *testing.T) {
	for name, checker := range map[string]cred.Checker{
		"right":     users("jo", canary),
		"wrong":     users("jo", "other"),
		"unknown":   users(),
		"no file":   &cred.File{Name: "/none"},
		"bad lines": &cred.File{Name: "/users"},
		"broken":    fixed{kinds: []cred.Kind{cred.KindPassword}, err: errors.New("broken")},
		"panics":    panics{},
		"nobody":    cred.AllowAnonymous{},
	} {
		d := newDesk(t, checker)
		d.Realm = cred.RealmFunc[string](func(*deferred.Co, cred.Identity, cred.Origin) (string, func(), error) {
			return "", nil, errors.New("no mailbox")
		})
		write(t, d.clock.FS(), "/users", "jo:"+canary+"\n"+canary+"\nal:{plain}\n{plain}"+canary+":x\nad:{SHA}"+canary+"\n:"+canary, 0o600)
		var told strings.Builder
		for _, c := range []cred.Credentials{password("jo", canary), password("jo", canary+"\x00"), password("jo", strings.Repeat(canary, 100))} {
			_, err := d.login(c)
			fmt.Fprintf(&told, "%v %+v\n", err, err)
		}
		for _, c := range []struct {
			mechanism string
			responses []string
		}{
			{"PLAIN", []string{"\x00jo\x00" + canary}},
			{"PLAIN", []string{canary}},
			{"PLAIN", []string{"\x00jo\x00" + canary + "\x00"}},
			{"LOGIN", []string{"jo", canary}},
			{"SCRAM-SHA-256", []string{canary}},
			{"SCRAM-SHA-256", []string{"n,,n=jo,r=nonce", canary}},
			{"CRAM-MD5", []string{"", canary}},
			{"CRAM-MD5", []string{"", "jo " + canary}},
		} {
			x, err := d.Exchange(d.clock, c.mechanism, secure)
			for _, response := range c.responses {
				if err != nil {
					break
				}
				var challenge []byte
				challenge, err = (&talk{t, d.clock, x}).says([]byte(response))
				told.Write(challenge)
			}
			fmt.Fprintf(&told, "%v %+v\n", err, err)
			if x != nil {
				x.Cancel()
			}
		}
		for _, err := range d.clock.Errors() {
			fmt.Fprintln(&told, err)
		}
		told.WriteString(d.clock.Logged())
		if spelling := sees(told.String()); spelling != "" {
			t.Errorf("%s: %q shows in:\n%s", name, spelling, told.String())
		}
	}
}

type panics struct{}

func (panics) Kinds() []cred.Kind { return []cred.Kind{cred.KindPassword} }
func (panics) Check(_ *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	panic(fmt.Sprintf("cannot check %+v of %v", a, a.Credentials))
}

// T-28: the command line's errors and help do not show what was typed.
func TestT_28CommandLineDoesNotTell(t *testing.T) {
	var told bytes.Buffer
	for _, args := range [][]string{
		{"--auth", "memory:jo:" + canary + ":al"}, {"--auth", "memory:jo:" + canary + ":jo:" + canary}, {"--auth", `memory:jo:` + canary + `\`},
		{"--auth", "file:/users:" + canary}, {"--auth", "unix:" + canary}, {"--auth", "anonymous:" + canary}, {"--auth", "sshkey:" + canary},
		{"--auth", "nothing:" + canary}, {"--auth", "memory:jo:" + canary, "--help-auth"}, {"--auth", "memory:jo:" + canary, "--no-such-flag"},
		{"--auth", "memory:jo:" + canary + "\x07"},
	} {
		auth := cred.Auth{Default: []string{"memory:jo:" + canary}}
		flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
		flags.SetOutput(&told)
		auth.Flags(flags)
		if err := flags.Parse(args); err != nil {
			fmt.Fprintln(&told, err)
		}
		_, err := auth.Checkers()
		if err == nil && len(args) == 2 {
			t.Errorf("%q is accepted", args)
		}
		fmt.Fprintln(&told, err, flags.FlagUsages())
		flags.VisitAll(func(f *pflag.Flag) { fmt.Fprintln(&told, f.DefValue, f.Value) })
	}
	if spelling := sees(told.String()); spelling != "" {
		t.Errorf("%q shows in:\n%s", spelling, told.String())
	}
	if _, err := passwd.Parse(canary); err == nil || sees(err.Error()) != "" {
		t.Errorf("got %v, want an error that does not quote", err)
	}
}
