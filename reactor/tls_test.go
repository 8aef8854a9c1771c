package reactor_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// secure is a rec that hears of StartTLS.
type secure struct{ *rec }

func (s secure) Secured() { s.note("secured") }

// TestT12StartTLS: a conversation begins in clear and goes on in secret, with
// the words before it sent in clear first.
func TestT12StartTLS(t *testing.T) {
	authority := certtest.New()
	each(t, func(b *bed) {
		s, c := b.pair("tcp", func(p *rec) twistor.Protocol {
			p.received = func(p *rec, data []byte) {
				if strings.HasSuffix(p.in.String(), "STARTTLS\n") {
					p.Write([]byte("go ahead\n"))
					if err := p.StartTLS(authority.Server("mail.test"), twistor.ByDirection, nil); err != nil {
						b.Error(err)
					}
				}
			}
			return secure{p}
		}, func(p *rec) twistor.Protocol {
			p.received = func(p *rec, data []byte) {
				if p.TLS() == nil && strings.HasSuffix(p.in.String(), "go ahead\n") {
					if err := p.StartTLS(authority.Client("mail.test"), twistor.ByDirection, nil); err != nil {
						b.Error(err)
					}
				}
			}
			return secure{p}
		})
		c.Write([]byte("STARTTLS\n"))
		b.until("both are secured", func() bool { return s.TLS() != nil && c.TLS() != nil })
		if c.TLS().ServerName != "mail.test" && b.kind != "fake" {
			b.Errorf("T16: %+v", c.TLS())
		}
		c.Write([]byte("secret"))
		b.until("it arrives", func() bool { return strings.HasSuffix(s.in.String(), "secret") })
		s.Write([]byte("understood"))
		s.Close()
		b.finished(s, c)
		if !strings.HasSuffix(c.in.String(), "understood") {
			b.Errorf("got %q", c.in.String())
		}
		if got := fmt.Sprint(s.events); !strings.Contains(got, "secured") {
			b.Errorf("T18: %s", got)
		}
		c.wantErr(io.EOF)
		s.wantErr(net.ErrClosed)
	})
}

// TestR21ListenTLS: TLS from the first byte; Build comes after the handshake
// and knows what was agreed (T17); a client that does not trust the server
// fails with that reason.
func TestR21ListenTLS(t *testing.T) {
	authority := certtest.New()
	each(t, func(b *bed) {
		server := authority.Server("web.test")
		server.NextProtos = []string{"h2", "http/1.1"}
		var s *rec
		agreed := ""
		port, err := b.l.Listen(twistor.ListenConfig{Network: "tcp", Address: net.JoinHostPort(b.host, "0"), TLS: server},
			twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				agreed = t.TLS().NegotiatedProtocol
				s = &rec{Transport: t, b: b}
				return s
			}))
		if err != nil {
			b.Fatal(err)
		}
		client := authority.Client("web.test")
		client.NextProtos = []string{"h2"}
		c := &rec{b: b}
		must(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port), TLS: client}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			c.Transport = t
			return c
		})))
		c.Write([]byte("hello"))
		b.until("it arrives", func() bool { return s != nil && s.in.String() == "hello" })
		if agreed != "h2" {
			b.Errorf("T17: agreed on %q", agreed)
		}
		c.Close()
		b.finished(c, s)
		if b.kind == "fake" {
			return
		}
		_, err = result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port), TLS: &tls.Config{ServerName: "web.test"}}, recs(b)))
		var cert *tls.CertificateVerificationError
		if !errors.As(err, &cert) {
			b.Errorf("T20: an unknown authority: %v", err)
		}
	})
}

// TestDialTimeoutOfHandshake: the time limit of Dial covers the handshake.
func TestDialTimeoutOfHandshake(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil) // it never answers a ClientHello
		d := b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port), TLS: &tls.Config{ServerName: "x"}, Timeout: 50 * time.Millisecond}, recs(b))
		_, err := result(b, d)
		var op net.Error
		if !errors.As(err, &op) || !op.Timeout() {
			b.Errorf("R19: got %v, want a time-out", err)
		}
	})
}
