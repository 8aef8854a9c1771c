// The program fibonacci answers whatever it is sent with the next Fibonacci
// number. Stopped by SIGTERM and started again, with or without
// -f fibonacci-shutdown.tap, it goes on where it left off.
//
// What it gave since it was started is lost by kill -9: `twistor fibonacci` has
// a journal, and shows what more that takes.
package main

import (
	"fmt"
	"math/big"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/app"
)

// A Fib is the factory. Its exported fields outlive the process.
type Fib struct{ A, B *big.Int }

func (f *Fib) Build(t twistor.Transport) twistor.Protocol { return &asker{t, f} }

type asker struct {
	twistor.Transport
	fib *Fib
}

func (p *asker) Connected()         {}
func (p *asker) Disconnected(error) {}
func (p *asker) Received([]byte) {
	next := new(big.Int).Add(p.fib.A, p.fib.B)
	fmt.Fprintf(p, "%d\n", next)
	p.fib.A, p.fib.B = p.fib.B, next
}

func program(listen string) *app.App {
	fib := &Fib{A: big.NewInt(1), B: big.NewInt(1)}
	a := app.New("fibonacci")
	a.Persist("fib", fib)
	a.Add("port", service.Listen(listen, fib))
	return a
}

func main() { program("tcp:127.0.0.1:8889").Main() }
