package reactor_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// A book of names is one loop's own.
type book struct {
	at       twistor.Loop
	asked    []string
	canceled bool
}

func (b *book) Resolve(host string) *deferred.Deferred[[]netip.Addr] {
	b.asked = append(b.asked, host)
	switch host {
	case "here.test":
		return deferred.Succeeded([]netip.Addr{netip.MustParseAddr("127.0.0.1")})
	case "empty.test":
		return deferred.Succeeded[[]netip.Addr](nil)
	case "slow.test":
		d := deferred.New[[]netip.Addr](b.at)
		d.OnCancel(func() { b.canceled = true })
		return d
	}
	return deferred.Failed[[]netip.Addr](b.at, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
}

// TestNames: Dial and Resolve ask the loop's own names, made once for each
// loop that needs them; addresses are not asked for; giving up reaches them.
func TestNames(t *testing.T) {
	var books []*book
	r := reactor.New(quiet(reactor.Config{Loops: 2, Names: func(at twistor.Loop) twistor.Resolver {
		b := &book{at: at}
		books = append(books, b)
		return b
	}}))
	l := r.Loops()[0]
	port, err := twistor.Listen(l, "tcp", "127.0.0.1:0", &fib{})
	if err != nil {
		t.Fatal(err)
	}
	run(t, r)
	_, number, _ := net.SplitHostPort(port.Addr().String())
	dialed := make(chan error, 1)
	on(t, l, func() {
		twistor.Dial(l, "tcp", "here.test:"+number, func(t twistor.Transport) *asker { return &asker{t, &fib{}} }).
			Done(func(_ *asker, err error) { dialed <- err })
	})
	if err := <-dialed; err != nil {
		t.Error("Dial here.test:", err)
	}
	lookup := func(host string) (ips []netip.Addr, err error) {
		done := make(chan struct{})
		on(t, l, func() {
			l.Resolve(host).Done(func(got []netip.Addr, failed error) { ips, err = got, failed; close(done) })
		})
		<-done
		return ips, err
	}
	if ips, err := lookup("192.0.2.7"); err != nil || len(ips) != 1 || ips[0].String() != "192.0.2.7" {
		t.Errorf("an address: got %v, %v", ips, err)
	}
	for _, host := range []string{"empty.test", "absent.test"} {
		var e *net.DNSError
		if ips, err := lookup(host); !errors.As(err, &e) || !e.IsNotFound {
			t.Errorf("%s: got %v, %v, want that there is no such host", host, ips, err)
		}
	}
	on(t, l, func() {
		d := l.Resolve("slow.test")
		d.Cancel()
		d.Done(func([]netip.Addr, error) {})
	})
	on(t, l, func() {
		if len(books) != 1 || books[0].at != l {
			t.Errorf("%d books were made, want one, of the loop that needed it", len(books))
		}
		if !books[0].canceled {
			t.Error("a lookup that was given up goes on")
		}
		if got := len(books[0].asked); got != 4 {
			t.Errorf("%d names were asked for: %v, want 4", got, books[0].asked)
		}
	})
}
