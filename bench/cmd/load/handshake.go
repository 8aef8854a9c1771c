//go:build linux

package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// handshakes opens count connections at a time, asks for one hello over each, and
// closes it. With resume all but the first of each place resume its session.
func handshakes() result {
	debug.SetGCPercent(100) // handshakes leave much behind
	ask := request()
	var done atomic.Int64
	for i := range *count {
		config := clientTLS()
		if *resume {
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		go func() {
			r := responses{body: []byte(*body)}
			for first := true; ; first = false {
				if err := visit(i, config, ask, &r, *resume && !first); err != nil {
					log.Fatal(err)
				}
				done.Add(1)
			}
		}()
	}
	m := newMeter()
	for !m.over() {
		time.Sleep(2 * time.Millisecond)
		m.done = int(done.Load())
	}
	return m.result()
}

// visit is one connection from its handshake to the end of its answer, with
// which the server's session tickets have come.
func visit(i int, config *tls.Config, ask []byte, r *responses, resumed bool) error {
	c := tls.Client(tcp(i), config)
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := c.Handshake(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	s := c.ConnectionState()
	if err := alike(s); err != nil {
		return err
	}
	if s.DidResume != resumed {
		return fmt.Errorf("handshake: got resumed %v, want %v", s.DidResume, resumed)
	}
	if _, err := c.Write(ask); err != nil {
		return err
	}
	buf := make([]byte, 4<<10)
	for have := 0; ; {
		n, err := c.Read(buf[have:])
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		have += n
		if whole, err := r.next(buf[:have]); err != nil || whole == have {
			return err
		}
		if have == len(buf) {
			return io.ErrShortBuffer
		}
	}
}
