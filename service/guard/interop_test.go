package guard_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service/guard"
)

// TestInterop has curl and python3's urllib log in, each in all the ways it
// knows. They come from this machine, so that Basic is offered.
func TestInterop(t *testing.T) {
	curl, python := peertest.Program(t, "curl"), peertest.Program(t, "python3")
	r := reactor.New(&reactor.Config{Loops: 1})
	s := &site{t: t}
	token := twistor.Conceal("a.token-of_32.bytes~or+so/and==")
	g := newSite(t, memory("jö", "sécret"), &guard.Tokens{Users: map[string]string{guard.Hash(token): "amy"}}).guard
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: g.Handler(web.HandlerFunc(s.hello))})
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/a%%20b?c=d&e", port.Addr().(*net.TCPAddr).Port)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { stop(); <-ended }()

	const urllib = `
import sys, urllib.request as u
url, user, password = sys.argv[1:4]
p = u.HTTPPasswordMgrWithDefaultRealm()
p.add_password(None, url, user, password)
try: print(u.build_opener(%s(p)).open(url).read().decode(), end="")
except u.HTTPError as e: print(e.code)
`
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"curl basic", []string{curl, "-sS", "--basic", "-u", "jö:sécret", url}, "jö by password"},
		{"curl digest", []string{curl, "-sS", "--digest", "-u", "jö:sécret", url}, "jö by digest"},
		{"curl anyauth", []string{curl, "-sS", "--anyauth", "-u", "jö:sécret", url}, "jö by digest"},
		{"curl bearer", []string{curl, "-sS", "--oauth2-bearer", token.Reveal(), url}, "amy by bearer"},
		{"curl digest twice", []string{curl, "-sS", "--digest", "-u", "jö:sécret", url, url}, "jö by digest\njö by digest"},
		{"curl digest post", []string{curl, "-sS", "--digest", "-u", "jö:sécret", "-d", "body", url}, "jö by digest"},
		{"curl http2", []string{curl, "-sS", "--http2-prior-knowledge", "--basic", "-u", "jö:sécret", url}, "jö by password"},
		{"curl wrong", []string{curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--anyauth", "-u", "jö:wrong", url}, "401"},
		{"python basic", []string{python, "-c", fmt.Sprintf(urllib, "u.HTTPBasicAuthHandler"), url, "jö", "sécret"}, "jö by password"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := exec.CommandContext(ctx, tc.args[0], tc.args[1:]...).CombinedOutput()
			if got := strings.TrimSpace(string(out)); got != tc.want {
				t.Errorf("got %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}
