package web_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1/http1test"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A verdict is what a Server made of what one client sent.
type verdict struct {
	statuses []string // of its answers, in order
	begun    int      // requests that reached the Handler
	whole    int      // of these, with their body
	closed   bool
}

func (v verdict) String() string {
	return fmt.Sprintf("answered %v, %d begun, %d whole, closed %v", v.statuses, v.begun, v.whole, v.closed)
}

// play sends a Server the pieces, and returns what became of them.
func play(t *testing.T, pieces [][]byte) (v verdict) {
	t.Helper()
	clock := sim.NewClock(t)
	s := &web.Server{MaxBodyBytes: -1, MinBodyRate: -1, Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		v.begun++
		return deferred.Then(r.Body.Bytes(-1), func([]byte) (none struct{}, err error) {
			v.whole++
			w.SetHeader("X-Marker", "1")
			return none, nil
		})
	})}
	conn := sim.Connect(clock, s)
	for _, p := range pieces {
		conn.Receive(string(p))
	}
	v.closed = conn.Closed() || conn.Aborted()
	for line := range strings.SplitSeq(conn.Written(), "\r\n") {
		if rest, ok := strings.CutPrefix(line, "HTTP/1.1 "); ok {
			v.statuses = append(v.statuses, rest[:3])
		}
	}
	return v
}

// deliveries are the four ways in which the same bytes come.
func deliveries(p []byte, all bool) (ways [][][]byte) {
	ways = append(ways, [][]byte{p})
	var single [][]byte
	for i := range p {
		single = append(single, p[i:i+1])
	}
	ways = append(ways, single)
	for i := 1; i < len(p) && all; i++ {
		ways = append(ways, [][]byte{p[:i], p[i:]})
	}
	r := rand.New(rand.NewPCG(1, uint64(len(p))))
	for range 3 {
		var cut [][]byte
		for rest := p; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 64<<10))
			cut, rest = append(cut, rest[:n]), rest[n:]
		}
		ways = append(ways, cut)
	}
	return ways
}

// TestP11Corpus plays the whole corpus of messages (T-01 to T-12, H1-01 to H1-14, V02)
// to a Server, cut in four ways: of what must be refused nothing is served, its
// client gets exactly one refusal and the connection is closed; all controls
// are served.
func TestP11Corpus(t *testing.T) {
	malformed, controls := 0, 0
	for _, c := range http1test.Corpus() {
		if c.Response || strings.Contains(c.Name, "preface of HTTP/2") {
			continue // another protocol's first words
		}
		if c.Status() == 0 {
			controls++
		} else {
			malformed++
		}
		for i, way := range deliveries(c.Bytes, len(c.Bytes) < 400) {
			got := play(t, way)
			if why := judge(c, got); why != "" {
				t.Errorf("%s, way %d: want %q: %s: %v", c.Name, i, c.Want, why, got)
				break
			}
		}
	}
	if malformed < 120 || controls < 20 {
		t.Errorf("the corpus has %d malformed messages and %d controls: want 120 and 20", malformed, controls)
	}
}

// judge says what is wrong with a verdict; "" is nothing.
func judge(c http1test.Case, got verdict) string {
	served := c.Served()
	switch {
	case got.whole != served:
		return fmt.Sprintf("%d served", served)
	case c.Status() == 0 && len(got.statuses) < served:
		return "an answer is missing"
	case c.Status() == 0:
		return ""
	case !got.closed:
		return "not closed"
	case len(got.statuses) != served+1:
		return fmt.Sprintf("%d answers are wanted, and no more", served+1)
	}
	if last := got.statuses[served]; last[0] != '4' && last[0] != '5' {
		return "the last answer is no refusal"
	} else if want := fmt.Sprint(c.Status()); last != want {
		return "the refusal is to be " + want
	}
	if begun := strings.Count(c.Want, "begun"); got.begun > served+begun {
		return "a refused request reached the Handler"
	}
	return ""
}

// TestH1_21NUL: an escaped NUL reaches no Handler; its neighbour does.
func TestH1_21NUL(t *testing.T) {
	for target, want := range map[string]string{"/a%00.txt": "404", "/?a=%00": "404", "/a%01.txt": "200"} {
		got := play(t, [][]byte{[]byte("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")})
		if len(got.statuses) != 1 || got.statuses[0] != want || (got.begun == 1) != (want == "200") {
			t.Errorf("%s: %v; want %s", target, got, want)
		}
	}
}
