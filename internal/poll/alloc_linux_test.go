//go:build !race

package poll

import "testing"

// What a busy loop does all the time allocates nothing.
func TestNoAllocations(t *testing.T) {
	p := quick(t, Open)
	x, y := couple(t, p, true)
	udp, err := p.Listen(Spec{Network: "udp4", Addr: Addr{AddrPort: loopback(0)}})
	if err != nil {
		t.Fatal(err)
	}
	to := p.LocalAddr(udp).AddrPort
	ev, buf := make([]Event, 64), make([]byte, 64)
	parts := [][]byte{buf[:1], buf[1:]}
	in := []Packet{{B: make([]byte, 64)}, {B: make([]byte, 64)}}
	out := []Packet{{B: buf, N: 64, Peer: to, Via: to.Addr()}}
	until := int64(1)
	for name, f := range map[string]func(){
		"ping-pong": func() { bounce(t, p, ev, buf, x, y) },
		"Writev":    func() { p.Writev(x, parts); p.Read(y, buf) },
		"Want":      func() { p.Want(x, In|Out); p.Want(x, In) },
		"Wake":      func() { p.Wake(); p.Wait(ev, Never) },
		"Wait that times out": func() {
			_, now := Now()
			until = now + 1000
			p.Wait(ev, until)
		},
		"packets": func() { p.(Packeter).WriteBatch(udp, out); p.(Packeter).ReadBatch(udp, in) },
		"nothing to read, nor to accept": func() {
			p.Read(x, buf)
			p.(Packeter).ReadBatch(udp, in)
			p.Read(0, buf)
		},
	} {
		f()
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}
