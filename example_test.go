package twistor_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// An echo answers with what it receives.
type echo struct{ twistor.Transport }

func (p *echo) Connected()           {}
func (p *echo) Received(data []byte) { p.Write(data) }
func (p *echo) Disconnected(error)   {}

// A Protocol and its Factory, tried without a network.
func Example() {
	c := sim.NewClock(nil)
	t := sim.Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &echo{t} }))
	t.Receive("hello")
	fmt.Println(t.Written())
	// Output: hello
}

// A counter is shared by all its protocols: they live on one loop, so it needs
// no lock.
type counter struct{ n int }

func (f *counter) Build(t twistor.Transport) twistor.Protocol {
	f.n++
	fmt.Fprintf(t, "you are number %d\n", f.n)
	return &echo{t}
}

func ExampleFactory() {
	c := sim.NewClock(nil)
	f := &counter{}
	for range 2 {
		fmt.Print(sim.Connect(c, f).Written())
	}
	// Output:
	// you are number 1
	// you are number 2
}

// A switcher reads one word in clear and gives the connection to another
// Protocol, with what it has not read.
type switcher struct{ twistor.Transport }

func (p *switcher) Connected()         {}
func (p *switcher) Disconnected(error) {}
func (p *switcher) Received(data []byte) {
	if _, rest, found := bytes.Cut(data, []byte("\n")); found {
		p.Switch(&echo{p.Transport}, rest)
	}
}

func ExampleTransport_switch() {
	c := sim.NewClock(nil)
	t := sim.Connect(c, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &switcher{t} }))
	t.Receive("upgrade\nhello")
	fmt.Println(t.Written())
	// Output: hello
}

func ExampleListen() {
	c := sim.NewClock(nil)
	port, err := twistor.Listen(c, "tcp", "127.0.0.1:8007", &counter{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(port.Addr())
	port.Close()
	// Output: 127.0.0.1:8007
}

func ExampleNewEach() {
	w := sim.New(nil, 0)
	defer w.Close()
	h := w.Host("server")
	h.LoopCount = 3
	lists := twistor.NewEach(h.Loop(), func(_ *twistor.Each[*[]string], _ twistor.Loop) *[]string { return new([]string) })
	lists.Post(func(l *[]string) { *l = append(*l, "news") }) // to every loop
	w.Settle()
	var all []string
	for _, l := range h.Loops() {
		all = append(all, *lists.On(l)...)
	}
	slices.Sort(all)
	fmt.Println(strings.Join(all, " "))
	// Output: news news news
}

// A Secret does not show, however it is printed or saved.
func ExampleSecret() {
	login := struct {
		User     string
		Password twistor.Secret
	}{"jo", twistor.Conceal("correct horse")}
	fmt.Printf("%v %+v\n", login, login)
	fmt.Println(len(login.Password.Reveal()))
	// Output:
	// {jo [redacted]} {User:jo Password:[redacted]}
	// 13
}
