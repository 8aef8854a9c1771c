package web_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
)

func h2Run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), peertest.Program(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestInteropCurlHTTP2(t *testing.T) {
	peertest.Program(t, "curl")
	big := t.TempDir() + "/big"
	if err := os.WriteFile(big, bytes.Repeat([]byte("x"), 1_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	clear := serve(t, &web.Server{Handler: web.Inline(spoken)})
	secure, _ := serveTLS(t, &web.Server{Handler: web.Inline(spoken)})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--http2-prior-knowledge", "http://" + clear + "/"}, "HTTP/2 GET " + clear + " / 0"},
		{[]string{"--http2-prior-knowledge", "--data-binary", "@" + big, "http://" + clear + "/"}, "HTTP/2 POST " + clear + " / 1000000"},
		{[]string{"-k", "--http2", "https://" + secure + "/a?b"}, "HTTP/2 GET " + secure + " /a?b 0"},
		{[]string{"-k", "--http2", "-T", big, "https://" + secure + "/"}, "HTTP/2 PUT " + secure + " /big 1000000"},
		{[]string{"-k", "--http1.1", "https://" + secure + "/"}, "HTTP/1 GET " + secure + " / 0"},
		// H2-09: no upgrade by a field, which would have to take a body for frames.
		{[]string{"--http2", "http://" + clear + "/"}, "HTTP/1 GET " + clear + " / 0"},
		{[]string{"--http2", "-d", "abc", "http://" + clear + "/"}, "HTTP/1 POST " + clear + " / 3"},
	} {
		if got := h2Run(t, "curl", append([]string{"-sS", "--max-time", "20"}, c.args...)...); got != c.want {
			t.Errorf("curl %v: got %q, want %q", c.args, got, c.want)
		}
	}
}

func TestInteropNghttp(t *testing.T) {
	peertest.Program(t, "nghttp")
	addr := serve(t, &web.Server{Handler: web.Inline(spoken)})
	got := h2Run(t, "nghttp", "-v", "-t", "20", "--trailer", "x-sum: 7", "-d", "/dev/null", "http://"+addr+"/")
	for _, want := range []string{":status: 200", "x-sum: 7", "x-end: yes", "SETTINGS_ENABLE_CONNECT_PROTOCOL"} {
		if !strings.Contains(got, want) && !strings.Contains(got, "UNKNOWN(0x08)") {
			t.Errorf("nghttp did not see %q:\n%s", want, got)
		}
	}
}

func TestInteropH2load(t *testing.T) {
	peertest.Program(t, "h2load")
	addr := serve(t, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.Write(make([]byte, 20_000)) })})
	n := 5_000
	if testing.Short() {
		n = 500
	}
	got := h2Run(t, "h2load", "-n", fmt.Sprint(n), "-c", "10", "-m", "32", "http://"+addr+"/")
	if want := fmt.Sprintf("%d succeeded, 0 failed, 0 errored, 0 timeout", n); !strings.Contains(got, want) {
		t.Errorf("h2load: want %q, got\n%s", want, got)
	}
}

// TestInteropH2spec runs the conformance suite: all of its 145 cases pass over
// TLS. Without it one cannot: an invalid preface is HTTP/1 there.
func TestInteropH2spec(t *testing.T) {
	peertest.Program(t, "h2spec")
	addr, _ := serveTLS(t, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") })})
	host, port, _ := net.SplitHostPort(addr)
	got := h2Run(t, "h2spec", "-h", host, "-p", port, "-t", "-k", "-o", "5")
	if !strings.Contains(got, "145 tests, 145 passed, 0 skipped, 0 failed") {
		t.Errorf("h2spec: %s", got[max(0, len(got)-3000):])
	}
}
