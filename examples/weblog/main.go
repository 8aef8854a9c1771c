// The program weblog shows everybody who connects what is added to access-log.
package main

import (
	"context"
	"html"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

type weblog struct {
	file    *os.File
	rest    string // of the last line, whose newline is not there yet
	clients []twistor.Transport
}

func (f *weblog) Opened(l twistor.Loop) (err error) {
	if f.file, err = os.Open("access-log"); err == nil {
		deferred.Every(l, time.Second, f.update)
	}
	return err
}

func (f *weblog) Build(t twistor.Transport) twistor.Protocol {
	f.clients = append(f.clients, t)
	return f // clients have nothing to say, so one protocol will do for all
}
func (f *weblog) Closed()            { f.file.Close() }
func (f *weblog) Connected()         {}
func (f *weblog) Received([]byte)    {}
func (f *weblog) Disconnected(error) {}

// update reads what is new, off the loop, and tells everybody.
func (f *weblog) update(co *deferred.Co) error {
	p, err := deferred.Go(co.Loop(), func(context.Context) ([]byte, error) { return io.ReadAll(f.file) }).Await(co)
	lines := strings.Split(f.rest+string(p), "\n")
	f.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		hit := "<hit>" + html.EscapeString(line) + "</hit>\n"
		f.clients = slices.DeleteFunc(f.clients, func(t twistor.Transport) bool { _, err := io.WriteString(t, hit); return err != nil })
	}
	return err
}

func main() {
	r := reactor.New(nil)
	if _, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:8888", new(weblog)); err != nil {
		log.Fatal(err)
	}
	log.Fatal(r.Run(context.Background()))
}
