package framing_test

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// unix shows lines that end with CRLF as Go's examples want them.
func unix(s string) string { return strings.ReplaceAll(s, "\r", "") }

// A greeter answers each line, in the event form.
type greeter struct{ *framing.LineTransport }

func (g greeter) Connected()               { g.WriteLine("Who are you?") }
func (g greeter) LineReceived(line []byte) { g.WriteLine("Hello, " + string(line) + "!") }
func (g greeter) Disconnected(error)       {}

func Example() {
	f := framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol {
		return greeter{t}
	}}.Factory()

	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("Ada\r\nGra", "ce\r\n") // cut anywhere
	fmt.Print(unix(client.Written()))
	// Output:
	// Who are you?
	// Hello, Ada!
	// Hello, Grace!
}

// A mailbox takes commands in lines and letters in dot-lines.
type mailbox struct {
	*framing.LineTransport
	letter []string
}

func (m *mailbox) Connected()                  {}
func (m *mailbox) Disconnected(error)          {}
func (m *mailbox) LineReceived([]byte)         { m.WriteLine("354 go on"); m.SetDotLines() }
func (m *mailbox) DotLineReceived(line []byte) { m.letter = append(m.letter, string(line)) }
func (m *mailbox) DotLinesEnded()              { m.WriteLine(fmt.Sprintf("250 %q", m.letter)) }

func ExampleLineTransport_SetDotLines() {
	f := framing.Lines{
		Delimiter: framing.CRLF, // strict, as mail wants it
		Build: func(t *framing.LineTransport) framing.LineProtocol {
			return &mailbox{LineTransport: t}
		},
	}.Factory()

	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("DATA\r\nDear Ada,\r\n..hidden\r\n.\r\n")
	fmt.Print(unix(client.Written()))
	// Output:
	// 354 go on
	// 250 ["Dear Ada," ".hidden"]
}

func ExampleDotWriter() {
	var out strings.Builder
	w := framing.DotWriter{W: &out}
	fmt.Fprint(&w, "A dot alone\n.\nends a text, so it is doubled.\n")
	w.Close()
	fmt.Print(unix(out.String()))
	// Output:
	// A dot alone
	// ..
	// ends a text, so it is doubled.
	// .
}

// A measurer answers each message with its length.
type measurer struct{ *framing.MessageTransport }

func (m measurer) Connected()               {}
func (m measurer) MessageReceived(p []byte) { m.WriteMessage(fmt.Append(nil, len(p))) }
func (m measurer) Disconnected(error)       {}

func measure(t *framing.MessageTransport) framing.MessageProtocol { return measurer{t} }

func ExampleNetstrings() {
	client := sim.Connect(sim.NewClock(nil), framing.Netstrings{Build: measure}.Factory())
	client.Receive("5:hello,0:,")
	fmt.Println(client.Written())
	// Output: 1:5,1:0,
}

func ExampleDotLines() {
	f := framing.DotLines{Build: func(t *framing.LineTransport) framing.LineProtocol {
		return &mailbox{LineTransport: t}
	}}.Factory()
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("a\n..b\n.\n")
	fmt.Print(unix(client.Written()))
	// Output: 250 ["a" ".b"]
}

func ExamplePrefixed8() {
	client := sim.Connect(sim.NewClock(nil), framing.Prefixed8{Build: measure}.Factory())
	client.Receive("\x05hello")
	fmt.Printf("%q\n", client.Written())
	// Output: "\x015"
}

func ExamplePrefixed16() {
	client := sim.Connect(sim.NewClock(nil), framing.Prefixed16{Build: measure}.Factory())
	client.Receive("\x00\x05hello")
	fmt.Printf("%q\n", client.Written())
	// Output: "\x00\x015"
}

func ExamplePrefixed32() {
	client := sim.Connect(sim.NewClock(nil), framing.Prefixed32{Build: measure}.Factory())
	client.Receive("\x00\x00\x00\x05hello")
	fmt.Printf("%q\n", client.Written())
	// Output: "\x00\x00\x00\x015"
}

// A reader of records: a header of two digits says how long the body is. Each
// state is a method.
type records struct {
	*framing.MessageTransport
	state func(p []byte)
}

func (r *records) Connected()               { r.state = r.header }
func (r *records) MessageReceived(p []byte) { r.state(p) }
func (r *records) Disconnected(error)       {}

func (r *records) header(p []byte) {
	n := 0
	fmt.Sscan(string(p), &n)
	r.SetSize(n)
	r.state = r.body
}

func (r *records) body(p []byte) {
	fmt.Printf("%s\n", p)
	r.state = r.header
}

func ExampleFixed() {
	f := framing.Fixed{Size: 2, Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		return &records{MessageTransport: t}
	}}.Factory()
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("05hello1", "1straight on")
	// Output:
	// hello
	// straight on
}

func ExampleConversation() {
	f := framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		c.WriteLine("Who are you?")
		name, err := c.ReadLine(co)
		if err != nil {
			return err
		}
		c.WriteLine("And what do you like, " + name + "?")
		for thing := range c.Lines(co) {
			c.WriteLine("I like " + thing + " too.")
		}
		return c.Err()
	})

	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("Ada\n", "looms\n")
	fmt.Print(unix(client.Written()))
	// Output:
	// Who are you?
	// And what do you like, Ada?
	// I like looms too.
}

func ExampleConn_Reader() {
	type hit struct {
		Path string `xml:"path,attr"`
	}
	f := framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		d := xml.NewDecoder(c.Reader(co)) // waits as it reads, one element at a time
		for {
			var h hit
			if err := d.Decode(&h); err != nil {
				return err
			}
			fmt.Println(h.Path)
		}
	})
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive(`<hit path="/a"/><hit pa`, `th="/b"/>`)
	// Output:
	// /a
	// /b
}

func ExampleConn_DotLines() {
	f := framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		var text []string
		for line, err := range c.DotLines(co) {
			if err != nil {
				return err
			}
			text = append(text, line)
		}
		fmt.Println(strings.Join(text, "|"))
		return nil
	})
	client := sim.Connect(sim.NewClock(nil), f)
	client.Receive("a\r\n..b\r\n.\r\n")
	// Output: a|.b
}
