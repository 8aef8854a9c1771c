package poll

import (
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Readiness is told again and again until it has been used up.
func TestLevelTriggered(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.write(client, []byte("abc"))
		r.until(server, In)
		for i := range 3 {
			if got := r.now(server); got != In {
				r.Fatalf("look %d: ready for %b, want In while bytes are there", i, got)
			}
		}
		if got, want := r.read(server, 2), "ab"; got != want {
			r.Errorf("read %q, want %q", got, want)
		}
		if got := r.now(server); got != In {
			r.Errorf("ready for %b, want In: one byte is left", got)
		}
		r.read(server, 1)
		if got := r.now(server); got != 0 {
			r.Errorf("ready for %b, want nothing: all is read", got)
		}
		if _, err := r.Read(server, make([]byte, 1)); err != ErrAgain {
			r.Errorf("Read of nothing: %v, want ErrAgain", err)
		}
	})
}

func TestWantChoosesWhatIsTold(t *testing.T) {
	each(t, func(r *rig) {
		client, server := r.pair()
		r.write(client, []byte("x"))
		r.until(server, In)
		r.must(r.Want(server, 0))
		if got := r.now(server); got != 0 {
			r.Errorf("want nothing: told %b", got)
		}
		r.must(r.Want(server, Out))
		if got := r.until(server, Out); got != Out {
			r.Errorf("want Out: told %b", got)
		}
		r.must(r.Want(server, In|Out))
		if got := r.until(server, In); got&In == 0 {
			r.Errorf("want both: told %b", got)
		}
		r.must(r.Want(server, In))
		if got := r.now(server); got != In {
			r.Errorf("want In: told %b", got)
		}
		if got := r.now(client); got != 0 {
			r.Errorf("a client that wants In told %b", got)
		}
	})
}

func TestWaitEndsAtUntil(t *testing.T) {
	each(t, func(r *rig) {
		r.pair()
		for range 3 { // also when the same time or another is set again
			_, before := Now()
			until := before + int64(5*time.Millisecond)
			if n, err := r.Wait(r.events[:], until); n != 0 || err != nil {
				r.Fatalf("Wait = %d, %v, want nothing", n, err)
			}
			if _, now := Now(); now < until {
				r.Errorf("Wait ended %v early", time.Duration(until-now))
			}
			if n, err := r.Wait(r.events[:], until); n != 0 || err != nil {
				r.Fatalf("Wait for the past = %d, %v, want nothing, at once", n, err)
			}
		}
	})
}

// A time that has passed does not end a later Wait without end.
func TestWaitForgetsAnOldUntil(t *testing.T) {
	each(t, func(r *rig) {
		for range 50 {
			_, now := Now()
			r.Wait(r.events[:], now+int64(100*time.Microsecond))
			var woken atomic.Bool
			go func() {
				woken.Store(true)
				r.Wake()
			}()
			if _, err := r.Wait(r.events[:], Never); err != nil {
				r.Fatal(err)
			}
			if !woken.Load() {
				r.Fatal("Wait without end ended by itself")
			}
		}
	})
}

// More sockets ready than fit one Wait are all told of, in the end.
func TestWaitIsFair(t *testing.T) {
	each(t, func(r *rig) {
		var servers []Handle
		for range 5 {
			client, server := r.pair()
			r.must(r.Want(client, 0))
			r.write(client, []byte("x"))
			servers = append(servers, server)
		}
		for _, h := range servers {
			r.until(h, In)
		}
		told := map[Handle]bool{}
		for range 20 {
			n, err := r.Wait(r.events[:2], 0)
			r.must(err)
			for _, e := range r.events[:n] {
				told[e.Handle] = true
			}
		}
		if len(told) != len(servers) {
			r.Errorf("20 Waits for 2 told of %d sockets, want all %d", len(told), len(servers))
		}
	})
}

// F-42: no Wake is lost, whoever calls it and whenever: each caller's work is
// seen although the loop waits without end.
func TestF42WakeIsNeverLost(t *testing.T) {
	each(t, func(r *rig) {
		const callers = 32
		posts := 2000
		if testing.Short() {
			posts = 200
		}
		var posted atomic.Int64
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range posts {
					posted.Add(1)
					r.Wake()
				}
			})
		}
		want := int64(callers * posts)
		for posted.Load() < want {
			if _, err := r.Wait(r.events[:], Never); err != nil {
				r.Fatal(err)
			}
		}
		all.Wait()
		// A Wake before Wait ends that Wait.
		r.Wait(r.events[:], 0)
		r.Wait(r.events[:], 0)
		r.Wake()
		if n, err := r.Wait(r.events[:], Never); n != 0 || err != nil {
			r.Errorf("Wait after Wake = %d, %v, want nothing", n, err)
		}
	})
}

// Wake may come while the Poller is being shut, and after.
func TestWakeDuringShut(t *testing.T) {
	each(t, func(r *rig) {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 500 {
					r.Wake()
				}
			})
		}
		r.must(r.Shut())
		all.Wait()
		r.must(r.Shut()) // twice is once
		if _, err := r.Wait(r.events[:], Never); err != ErrClosed {
			r.Errorf("Wait after Shut: %v, want ErrClosed", err)
		}
		if _, err := r.Listen(Spec{Network: "tcp"}); err != ErrClosed {
			r.Errorf("Listen after Shut: %v, want ErrClosed", err)
		}
		if _, err := r.Dial(Spec{Network: "tcp", Addr: Addr{AddrPort: loopback(1)}}); err != ErrClosed {
			r.Errorf("Dial after Shut: %v, want ErrClosed", err)
		}
	})
}

// F-11: a handle that was closed reaches nobody, though another connection now
// has its slot and its descriptor's number.
func TestF11StaleHandle(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		_, old := r.pair()
		r.must(r.Close(old, false))
		h, err := r.dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
		r.accept(port)
		if h.Slot() != old.Slot() || h.Generation() == old.Generation() {
			r.Fatalf("the new handle is %#x, want the slot of %#x and another generation", h, old)
		}
		var b [1]byte
		calls := map[string]error{}
		_, calls["Read"] = r.Read(old, b[:])
		_, calls["Write"] = r.Write(old, b[:])
		_, calls["Writev"] = r.Writev(old, [][]byte{b[:]})
		_, _, calls["Accept"] = r.Accept(old)
		_, calls["Detach"] = r.Detach(old)
		calls["Want"] = r.Want(old, In|Out)
		calls["Connected"] = r.Connected(old)
		calls["CloseWrite"] = r.CloseWrite(old)
		calls["Close"] = r.Close(old, true)
		calls["SetNoDelay"] = r.SetNoDelay(old, true)
		_, calls["ReadBatch"] = r.Poller.(Packeter).ReadBatch(old, make([]Packet, 1))
		_, calls["WriteBatch"] = r.Poller.(Packeter).WriteBatch(old, make([]Packet, 1))
		calls["SetMulticast"] = r.Poller.(Packeter).SetMulticast(old, Multicast{})
		for call, err := range calls {
			if err != ErrClosed {
				r.Errorf("%s of a closed handle: %v, want ErrClosed", call, err)
			}
		}
		for _, zero := range []Handle{0, MakeHandle(1<<30, 1)} {
			if _, err := r.Read(zero, b[:]); err != ErrClosed {
				r.Errorf("Read of handle %#x: %v, want ErrClosed", zero, err)
			}
		}
		if _, err := r.Read(h, b[:]); err != ErrAgain {
			r.Errorf("the new owner: Read says %v, want ErrAgain, untouched", err)
		}
	})
}

// F-11, F-35: many connections, opened and closed all the time, never read each
// other's bytes.
func TestF11ChurnKeepsSecrets(t *testing.T) {
	each(t, func(r *rig) {
		rounds := 2000
		if testing.Short() {
			rounds = 200
		}
		port, at := r.port("tcp")
		for i := range rounds {
			client, err := r.Dial(Spec{Network: "tcp", Addr: at})
			r.must(err)
			server := r.accept(port)
			r.until(client, Out|Hup)
			r.must(r.Connected(client))
			secret := []byte{byte(i), byte(i >> 8), byte(client.Generation())}
			r.write(client, secret)
			if got := r.read(server, 3); got != string(secret) {
				r.Fatalf("round %d read %x, want %x", i, got, secret)
			}
			r.must(r.Close(client, i%2 == 0))
			if err := r.end(server); i%2 != 0 && err != io.EOF {
				r.Fatalf("round %d ends with %v, want io.EOF", i, err)
			}
			r.must(r.Close(server, false))
		}
	})
}
