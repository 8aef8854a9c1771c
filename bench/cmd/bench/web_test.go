//go:build linux

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/bench/internal/site"
	"github.com/twistor-go/twistor/internal/peertest"
)

// Each peer that is here does each job of the web suites, for a moment. The load
// holds every answer against what is wanted, so that they do the same one.
func TestWebPeersAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds servers")
	}
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		t.Skip("wants two cores and taskset")
	}
	const tiny = "50ms"
	p := plan{bin: t.TempDir(), root: "../..", short: true}
	dir := t.TempDir()
	if _, _, err := certificate(dir); err != nil {
		t.Fatal(err)
	}
	built := build(p, "http", "files", "https", "h2", "websocket", "slow")
	for _, s := range webs(p, built, dir) {
		if s.prepare != nil {
			if err := s.prepare(); err != nil {
				t.Fatal(err)
			}
		}
		sample := s.sample
		if sample == nil {
			sample = underLoad
		}
		for _, c := range s.cells {
			// The last one of a flag counts.
			c.args = append(slices.Clone(c.args), "-warm", "10ms", "-dur", tiny)
			switch s.name {
			case "h2":
				c.args = c.args[:1]
			case "slow":
				c.args = append(c.args, "-attackers", "20", "-patience", "500ms", "-dur", "1s")
			}
			for _, x := range s.of(c) {
				t.Run(s.name+"/"+c.name+"/"+x.name, func(t *testing.T) {
					if x.absent != "" {
						if strings.Contains(x.absent, "ChaCha20") { // left out, wherever it runs
							t.Skip(x.absent)
						}
						peertest.Missing(t, x.absent)
					}
					v, err := sample(p, x, c)
					if err != nil {
						t.Fatal(err)
					}
					// Not its CPU: on a busy machine the server may have done its part before the window.
					if v["rate"] <= 0 && v["p99"] <= 0 {
						t.Errorf("got %v, want a rate, or how long requests took", v)
					}
					if v["failed"] > 0 {
						t.Errorf("%v %% of the requests failed", v["failed"])
					}
				})
			}
		}
	}
}

// Attackers whom nobody closes are still there at the end, and said to be.
func TestSlowSeesWhoSuffersAttackers(t *testing.T) {
	if testing.Short() {
		t.Skip("builds servers")
	}
	p := plan{bin: t.TempDir(), root: "../.."}
	built := build(p, "slow")
	w := web{built: built}
	args := []string{"-mode", "slow", "-attackers", "20", "-patience", "500ms", "-dur", "2s"}
	for _, tc := range []struct {
		limit time.Duration
		left  float64
	}{{time.Second, 0}, {time.Minute, 100}} {
		v, err := underLoad(p, w.server("net/http", "http-net", "-header", tc.limit.String()), cell{args: args})
		if err != nil {
			t.Fatal(err)
		}
		if v["left"] != tc.left {
			t.Errorf("limit %v: %v %% of the attackers are left, want %v", tc.limit, v["left"], tc.left)
		}
		if s := v["suffered"]; tc.left == 0 && (s < 0.9 || s > 1.9) {
			t.Errorf("limit %v: the last attacker was suffered for %v s", tc.limit, s)
		}
	}
}

const h2loadSaid = `starting benchmark...
finished in 617.03ms, 162067.30 req/s, 9.74MB/s
requests: 100000 total, 100000 started, 100000 done, 100000 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 100000 2xx, 0 3xx, 0 4xx, 0 5xx
`

// A server that answers only some requests is not measured.
func TestH2loadMustSucceed(t *testing.T) {
	if rate, err := readH2load(h2loadSaid, "100000"); rate != 162067.30 || err != nil {
		t.Errorf("got %v, %v", rate, err)
	}
	for _, tc := range []struct{ old, new string }{
		{"codes: 100000 2xx", "codes: 99999 2xx"},
		{"0 3xx", "1 3xx"},
		{"0 5xx", "1 5xx"},
		{"finished", "gave up"},
	} {
		if rate, err := readH2load(strings.Replace(h2loadSaid, tc.old, tc.new, 1), "100000"); err == nil {
			t.Errorf("%s: got %v, want an error", tc.new, rate)
		}
	}
}

// A server that says something else over HTTP/2 is not measured.
func TestH2MustBeWhatIsWanted(t *testing.T) {
	for _, tc := range []struct {
		name, body, kind string
		h2, want         bool
	}{
		{"hello", site.Hello, "text/plain", true, true},
		{"another body", "Hello", "text/plain", true, false},
		{"another type", site.Hello, "text/html", true, false},
		{"HTTP/1.1", site.Hello, "text/plain", false, false},
	} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", tc.kind)
			io.WriteString(w, tc.body)
		}))
		s.EnableHTTP2 = tc.h2
		s.StartTLS()
		if err := greeted(s.URL); (err == nil) != tc.want {
			t.Errorf("%s: got %v, want it to be taken: %v", tc.name, err, tc.want)
		}
		s.Close()
	}
}

// Every suite is built before it is measured.
func TestSuitesAreBuilt(t *testing.T) {
	all, err := suites(plan{}, map[string]binary{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if needs[s.name] == nil {
			t.Errorf("%s: nothing is built for it", s.name)
		}
	}
}
