//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/twistor-go/twistor/bench/internal/durable"
)

// A connection asks one command and waits for its answer. Those that we need
// are numbers, and PONG
// (https://redis.io/docs/latest/develop/reference/protocol-spec/).
type connection struct {
	net.Conn
	r   *bufio.Reader
	out []byte
}

func newConnection(nc net.Conn) *connection { return &connection{Conn: nc, r: bufio.NewReader(nc)} }

func (c *connection) ask(words ...string) (int64, error) {
	c.out = appendCommand(c.out[:0], words...)
	if _, err := c.Write(c.out); err != nil {
		return 0, err
	}
	return readAnswer(c.r)
}

func appendCommand(b []byte, words ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(words)), 10)
	for _, w := range words {
		b = append(b, "\r\n$"...)
		b = strconv.AppendInt(b, int64(len(w)), 10)
		b = append(b, "\r\n"...)
		b = append(b, w...)
	}
	return append(b, "\r\n"...)
}

// readAnswer reads a number; PONG is 0.
func readAnswer(r *bufio.Reader) (int64, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	text := strings.TrimSuffix(string(line), "\r\n")
	switch {
	case text == "+PONG":
		return 0, nil
	case strings.HasPrefix(text, ":"):
		return strconv.ParseInt(text[1:], 10, 64)
	}
	return 0, fmt.Errorf("redis-server answers %q, want a number", text)
}

// A pipeline is one connection for many writers. Safe for concurrent use.
type pipeline struct {
	c       *connection
	order   chan int        // the writers whose answers are still to come
	answers []chan struct{} // one a writer
	wake    chan struct{}   // something is to be sent

	// Guarded by mu.
	mu      sync.Mutex
	pending []byte
}

func newPipeline(nc net.Conn, writers int) *pipeline {
	p := &pipeline{c: newConnection(nc), order: make(chan int, writers), wake: make(chan struct{}, 1)}
	for range writers {
		p.answers = append(p.answers, make(chan struct{}, 1))
	}
	return p
}

// increment makes a writer's change.
func (p *pipeline) increment(writer int) error {
	p.mu.Lock()
	first := len(p.pending) == 0
	p.pending = appendCommand(p.pending, "INCR", durable.Key(writer))
	p.order <- writer // there is room: a writer waits for one answer at a time
	p.mu.Unlock()
	if first {
		p.wake <- struct{}{}
	}
	<-p.answers[writer]
	return nil
}

// send writes what has gathered, until the connection breaks.
func (p *pipeline) send() error {
	var b []byte
	for range p.wake {
		p.mu.Lock()
		b, p.pending = p.pending, b[:0]
		p.mu.Unlock()
		if _, err := p.c.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// receive hands out the answers, in the order of the questions.
func (p *pipeline) receive() error {
	for {
		if _, err := readAnswer(p.c.r); err != nil {
			return err
		}
		p.answers[<-p.order] <- struct{}{}
	}
}
