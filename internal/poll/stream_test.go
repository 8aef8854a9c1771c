package poll

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

func TestConnectAcceptTalkEnd(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.write(client, []byte("ping"))
		if got, want := r.read(server, 4), "ping"; got != want {
			r.Errorf("server read %q, want %q", got, want)
		}
		r.must(r.CloseWrite(client))
		if err := r.end(server); err != io.EOF {
			r.Errorf("server's end is %v, want io.EOF", err)
		}
		r.write(server, []byte("pong")) // half-closed: the other direction lives
		if got, want := r.read(client, 4), "pong"; got != want {
			r.Errorf("client read %q, want %q", got, want)
		}
		r.must(r.Close(server, false))
		if err := r.end(client); !errors.Is(err, io.EOF) {
			r.Errorf("client's end is %v, want io.EOF", err)
		}
	})
}

// F-04: a reset is heard of as ECONNRESET, and what came before it is read first.
func TestResetIsECONNRESET(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.must(r.Close(client, true))
		if err := r.end(server); !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("the end after a reset is %v, want ECONNRESET", err)
		}
		r.must(r.Close(server, false))
	})
}

// A dead connection is told of (Hup) even if nothing of it is wanted, but then
// once: else Wait would spin. It comes again when something is wanted.
func TestHupIsToldOnceIfUnwanted(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.must(r.Want(server, In))
		r.must(r.Close(client, true))
		r.until(server, Hup)
		r.must(r.Want(server, 0))
		if got := r.until(server, Hup); got&In != 0 {
			r.Errorf("told %b, want no In while it is not wanted", got)
		}
		for range 3 {
			if got := r.now(server); got != 0 {
				r.Errorf("told %b again", got)
			}
		}
		r.must(r.Want(server, 0))
		if got := r.now(server); got != 0 {
			r.Errorf("told %b after a Want that changes nothing", got)
		}
		r.must(r.Want(server, In))
		if got := r.until(server, Hup); got&In == 0 {
			r.Errorf("told %b once In is wanted, want In as well", got)
		}
		if err := r.end(server); !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("end is %v, want ECONNRESET", err)
		}
	})
}

// What Write took is sent although Close follows at once.
func TestCloseSendsWhatWriteTook(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		p := bytes.Repeat([]byte("z"), 256<<10)
		written := 0
		for {
			n, err := r.Write(client, p)
			if err == ErrAgain {
				break
			}
			r.must(err)
			written += n
		}
		r.must(r.Close(client, false))
		if got := len(r.read(server, written)); got != written {
			r.Errorf("read %d bytes, want %d", got, written)
		}
		if err := r.end(server); err != io.EOF {
			r.Errorf("end is %v, want io.EOF", err)
		}
	})
}

// F-05: both directions end each for itself.
func TestHalfCloseBothWays(t *testing.T) {
	each(t, func(r *rig) {
		a, b := r.pair()
		r.must(r.CloseWrite(a))
		if err := r.end(b); err != io.EOF {
			r.Errorf("b's end is %v, want io.EOF", err)
		}
		big := bytes.Repeat([]byte("x"), 300<<10)
		done := 0
		for done < len(big) { // b writes to a, which ended its own direction
			n, err := r.Write(b, big[done:])
			if err != nil && err != ErrAgain {
				r.Fatal(err)
			}
			done += n
			r.read(a, n)
		}
		r.must(r.CloseWrite(b))
		if err := r.end(a); err != io.EOF {
			r.Errorf("a's end is %v, want io.EOF", err)
		}
		if _, err := r.Write(b, []byte("late")); !errors.Is(err, syscall.EPIPE) {
			r.Errorf("Write after CloseWrite: %v, want EPIPE", err)
		}
	})
}

func TestReadOfNothing(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.write(client, []byte("x"))
		r.until(server, In)
		if n, err := r.Read(server, nil); n != 0 || err != nil {
			r.Errorf("Read of no bytes = %d, %v, want 0 and no end", n, err)
		}
		if n, err := r.Write(server, nil); n != 0 || err != nil {
			r.Errorf("Write of no bytes = %d, %v, want 0 and no error", n, err)
		}
		if n, err := r.Writev(server, [][]byte{nil, {}}); n != 0 || err != nil {
			r.Errorf("Writev of no bytes = %d, %v, want 0 and no error", n, err)
		}
	})
}

// F-09: whatever the sizes of writes and reads, and with the socket full again
// and again, every byte comes, in order.
func TestPartialWritesKeepOrder(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		total := 32 << 20
		if testing.Short() {
			total = 16 << 20
		}
		random := rand.New(rand.NewPCG(1, 2))
		sent, got := sha256.New(), sha256.New()
		in, out := make([]byte, 300<<10), make([]byte, 300<<10)
		for i := range out {
			out[i] = byte(random.Uint32())
		}
		r.must(r.Want(server, In))
		partial, full := 0, 0
		for written, read := 0, 0; read < total; {
			if written < total {
				// One buffer, or several with empty ones among them.
				n := min(1+random.IntN(len(out)-1), total-written)
				cut := random.IntN(n)
				var m int
				var err error
				if random.IntN(2) == 0 {
					m, err = r.Write(client, out[:n])
				} else {
					m, err = r.Writev(client, [][]byte{out[:cut], nil, out[cut:n]})
				}
				switch {
				case err == ErrAgain:
					full++
				case err != nil:
					r.Fatal(err)
				case m < n:
					partial++
				}
				sent.Write(out[:m])
				written += m
			}
			m, err := r.Read(server, in[:1+random.IntN(len(in)/4)])
			switch {
			case err == ErrAgain && written == total:
				r.until(server, In)
			case err == ErrAgain: // write on
			case err != nil:
				r.Fatal(err)
			}
			got.Write(in[:m])
			read += m
		}
		if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
			r.Error("F-09: what was read is not what was written")
		}
		if partial+full == 0 {
			r.Error("no write was cut short: the test did not test")
		}
	})
}

// More buffers than one system call takes are written in part, not refused.
func TestWritevOfManyBuffers(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		many := make([][]byte, 3000)
		for i := range many {
			many[i] = []byte{byte(i)}
		}
		for len(many) > 0 {
			n, err := r.Writev(client, many)
			r.must(err)
			many = many[n:]
		}
		got := r.read(server, 3000)
		for i := range 3000 {
			if got[i] != byte(i) {
				r.Fatalf("byte %d is %d, want %d", i, got[i], byte(i))
			}
		}
	})
}

func TestAddresses(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		client, err := r.dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
		r.until(port, In)
		sock, from, err := r.Accept(port)
		r.must(err)
		server, err := r.Adopt(sock, Spec{})
		r.must(err)
		if got, want := from, r.LocalAddr(client); got != want {
			r.Errorf("Accept said %v, want the client's address %v", got, want)
		}
		if got, want := r.RemoteAddr(server), r.LocalAddr(client); got != want {
			r.Errorf("RemoteAddr of the server is %v, want %v", got, want)
		}
		if got := r.LocalAddr(server); got != at {
			r.Errorf("LocalAddr of the server is %v, want %v", got, at)
		}
		if got := r.RemoteAddr(client); got != at {
			r.Errorf("RemoteAddr of the client is %v, want %v", got, at)
		}
		if got := r.RemoteAddr(port); got != (Addr{}) {
			r.Errorf("RemoteAddr of a port is %v, want none", got)
		}
		if got := r.LocalAddr(99); got != (Addr{}) {
			r.Errorf("LocalAddr of nothing is %v, want none", got)
		}
	})
}

// A dial goes out from Local, and with its port.
func TestDialFromLocal(t *testing.T) {
	each(t, func(r *rig) {
		_, at := r.port("tcp")
		from := Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}
		client, err := r.dial(Spec{Network: "tcp", Addr: at, Local: from})
		r.must(err)
		if got := r.LocalAddr(client).AddrPort.Addr(); got != from.AddrPort.Addr() {
			r.Errorf("dialed from %v, want %v", got, from.AddrPort.Addr())
		}
	})
}

func TestTuneOnlyTCP(t *testing.T) {
	each(t, func(r *rig) {
		client, _ := r.pair()
		r.must(r.SetNoDelay(client, false))
		r.must(r.SetKeepAlive(client, net.KeepAliveConfig{}))
		r.must(r.SetKeepAlive(client, net.KeepAliveConfig{Enable: true}))
		udp, _ := r.port("udp")
		if err := r.SetNoDelay(udp, true); !errors.Is(err, syscall.ENOPROTOOPT) {
			r.Errorf("SetNoDelay of a packet socket: %v, want ENOPROTOOPT", err)
		}
	})
}
