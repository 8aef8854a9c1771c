package main

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// A ready is closed when all that was added before it runs.
type ready chan struct{}

func (r ready) Start(*deferred.Co, service.Host) error { close(r); return nil }
func (r ready) Stop(*deferred.Co) error                { return nil }

// TestDynamic asks over UDP, and over TCP, as Go's own resolver does.
func TestDynamic(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.LocalAddr().String()
	free.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended, open := make(chan error, 1), make(ready)
	a := program(at)
	a.Add("ready", open)
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-open:
	case err := <-ended:
		t.Fatal(err)
	}

	for _, network := range []string{"udp", "tcp"} {
		asking := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, at)
		}}
		if got, err := asking.LookupTXT(ctx, "WHO.example."); err != nil || len(got) != 1 || got[0] != "127.0.0.1" {
			t.Errorf("%s: who: got %q, %v, want 127.0.0.1", network, got, err)
		}
		got, err := asking.LookupTXT(ctx, "now.example.")
		if err != nil || len(got) != 1 {
			t.Errorf("%s: now: got %q, %v, want one", network, got, err)
		} else if now, err := time.Parse(time.RFC3339, got[0]); err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("%s: now: got %q, %v, want the time", network, got[0], err)
		}
		if got, err := asking.LookupIP(ctx, "ip4", "round.example."); err != nil || len(got) != 1 || got[0].Mask(net.CIDRMask(24, 32)).String() != "192.0.2.0" {
			t.Errorf("%s: round: got %v, %v, want one address of 192.0.2.0/24", network, got, err)
		}
		for _, name := range []string{"nobody.example.", "example.com."} {
			_, err := asking.LookupTXT(ctx, name)
			no, ok := errors.AsType[*net.DNSError](err)
			if !ok || no.IsNotFound != (name == "nobody.example.") {
				t.Errorf("%s: %s: got %v, want no such name, or no answer for another zone", network, name, err)
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
