package http1_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
)

// A player reads a stream as a server or a client does, piece by piece, and
// writes down what it finds. Each piece is overwritten after it was read, so
// that nothing can point into it.
type player struct {
	response bool
	method   string // of the request that responses answer
	limits   http1.Limits

	parser http1.Parser
	req    http1.Request
	resp   http1.Response
	body   http1.BodyReader
	inBody bool

	log      strings.Builder // everything
	outcomes []string        // as http1test.Case.Want
	data     []byte          // of the body that is being read
	refused  *http1.Error
}

func (p *player) read(whole []byte, sizes func(left int) int) {
	p.parser.Limits = p.limits
	for len(whole) > 0 && p.refused == nil {
		n := sizes(len(whole))
		piece := bytes.Clone(whole[:n])
		whole = whole[n:]
		for rest := piece; len(rest) > 0 && p.refused == nil; {
			rest = rest[p.step(rest):]
		}
		for i := range piece {
			piece[i] = '#'
		}
	}
	p.finish()
}

// step reads one head, or one piece of a body.
func (p *player) step(b []byte) (n int) {
	if p.inBody {
		data, n, done, err := p.body.Next(b)
		p.data = append(p.data, data...)
		switch {
		case err != nil:
			p.fail("begun", err)
		case done:
			p.bodyDone()
		case n == 0:
			panic("no progress")
		}
		return n
	}
	var done bool
	var err error
	if p.response {
		n, done, err = p.parser.Response(b, p.method, &p.resp)
	} else {
		n, done, err = p.parser.Request(b, &p.req)
	}
	switch {
	case err != nil:
		p.fail("", err)
	case !done && n < len(b):
		panic("not done, and did not take all")
	case done && p.parser.Started():
		panic("done and begun")
	case done:
		p.head()
	}
	return n
}

// head writes down a head, from its own memory, and begins the body.
func (p *player) head() {
	f, length := p.req.Framing, p.req.Length
	if p.response {
		r := &p.resp
		r.Keep()
		f, length = r.Framing, r.Length
		fmt.Fprintf(&p.log, "%d %d %q %v %d close=%v upgrade=%v\n", r.Minor, r.Status, r.Reason, f, length, r.Close, r.Upgrade)
		p.fields(&r.Header)
	} else {
		r := &p.req
		r.Keep()
		fmt.Fprintf(&p.log, "%s %q 1.%d %q %v %d close=%v upgrade=%v expect=%v\n", r.Method, r.Target, r.Minor, r.Host, f, length, r.Close, r.Upgrade, r.Expect)
		p.fields(&r.Header)
	}
	p.body.Start(f, length, &p.limits)
	p.data = p.data[:0]
	if f == http1.NoBody || f == http1.ByLength && length == 0 {
		if _, n, done, err := p.body.Next(nil); n != 0 || !done || err != nil {
			panic("no body, and no end of it")
		}
		p.bodyDone()
	} else {
		p.inBody = true
	}
}

func (p *player) fields(h *http1.Header) {
	for name, value := range h.All() {
		fmt.Fprintf(&p.log, "\t%s=%q\n", name, value)
	}
}

func (p *player) bodyDone() {
	p.inBody = false
	fmt.Fprintf(&p.log, "body %q\n", p.data)
	if h := p.body.Trailer(); h != nil {
		p.log.WriteString("trailer\n")
		p.fields(h)
	}
	p.outcomes = append(p.outcomes, "served")
}

func (p *player) fail(before string, err error) {
	p.refused = err.(*http1.Error)
	if before != "" {
		p.outcomes = append(p.outcomes, before)
		fmt.Fprintf(&p.log, "partly %q\n", p.data)
	}
	p.outcomes = append(p.outcomes, fmt.Sprint(p.refused.Status))
	fmt.Fprintf(&p.log, "refused %d %s\n", p.refused.Status, p.refused.Reason)
}

// finish ends the stream.
func (p *player) finish() {
	switch {
	case p.refused != nil:
	case p.inBody && p.body.Closed() == nil:
		p.bodyDone()
	case p.inBody:
		p.outcomes = append(p.outcomes, "begun")
		fmt.Fprintf(&p.log, "cut off after %q\n", p.data)
	case p.parser.Started():
		p.outcomes = append(p.outcomes, "waits")
		p.log.WriteString("waits\n")
	}
}

// played reads whole in pieces of those sizes.
func played(p *player, whole []byte, sizes func(left int) int) *player {
	o := &player{response: p.response, method: p.method, limits: p.limits}
	o.read(whole, sizes)
	return o
}

// How a stream is cut.
func atOnce(left int) int  { return left }
func byteByByte(_ int) int { return 1 }
func cutAt(i int) func(int) int {
	first := true
	return func(left int) int {
		if first && i > 0 {
			first = false
			return i
		}
		return left
	}
}

func atRandom(seed uint64, most int) func(int) int {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(left int) int { return 1 + r.IntN(min(left, most)) }
}

// modes reads whole in all ways of delivery and wants the same of all: at once,
// byte by byte, cut in two at every place (long ones at some), and at random.
func modes(t *testing.T, p *player, whole []byte) *player {
	t.Helper()
	once := played(p, whole, atOnce)
	same := func(name string, got *player) {
		t.Helper()
		if got.log.String() != once.log.String() {
			t.Errorf("%s: got\n%swant as at once\n%s", name, got.log.String(), once.log.String())
		}
	}
	same("byte by byte", played(p, whole, byteByByte))
	cuts, near := 512, 64
	if http1.RaceEnabled || testing.Short() {
		cuts, near = 16, 6
	}
	step := 1 + len(whole)/cuts
	for i := 1; i < len(whole); i++ {
		if i%step == 0 || i < near || len(whole)-i < near {
			same(fmt.Sprintf("cut after %d", i), played(p, whole, cutAt(i)))
		}
	}
	for seed := range uint64(8) {
		same(fmt.Sprintf("random %d", seed), played(p, whole, atRandom(seed, 1<<(2*seed))))
	}
	return once
}
