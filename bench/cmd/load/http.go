//go:build linux

package main

import (
	"bytes"
	"log"
	"runtime"

	"golang.org/x/sys/unix"
)

// A getter is one connection of http.
type getter struct {
	stream
	part []byte // of a response that is not whole
}

// request is what every connection asks for, with no more than a server needs
// or with what a browser sends.
func request() []byte {
	head := "GET " + *path + " HTTP/1.1\r\nHost: " + *address + "\r\n"
	if *browser {
		head += "Connection: keep-alive\r\n" +
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
			"Accept-Encoding: identity\r\n" + // all bodies are to be the same
			"Accept-Language: en-GB,en;q=0.9\r\n" +
			"Cache-Control: max-age=0\r\n" +
			"Upgrade-Insecure-Requests: 1\r\n" +
			"Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\n" +
			"Cookie: session=7f3a9c1be04d4f6f8a52d0c6e1b97d3c; theme=dark\r\n"
	}
	return []byte(head + "\r\n")
}

// getHello keeps depth requests in flight on every connection and counts the
// responses that came within the window, each of which must be the one wanted.
// As many requests as responses came with one read go out with one write.
func getHello() result {
	runtime.LockOSThread()
	ask := bytes.Repeat(request(), *depth)
	one := len(ask) / *depth
	r := responses{body: []byte(*body)}
	buf := make([]byte, 256<<10)
	conns := make([]getter, *count)
	p := newPoller()
	for i := range conns {
		s, fd := open(i)
		conns[i] = getter{stream: s}
		p.watch(unix.EPOLL_CTL_ADD, fd, i, unix.EPOLLIN)
	}
	m := newMeter()
	for i := range conns {
		must(conns[i].write(ask))
	}
	for !m.over() {
		for _, ev := range p.wait() {
			c := &conns[ev.Fd]
			done := 0
			// crypto/tls may hold what epoll does not see: read until all are here.
			for done < *depth {
				whole, err := c.receive(buf, &r)
				if err == errAgain {
					break
				}
				must(err)
				done += whole
			}
			if done > 0 {
				m.done += done
				must(c.write(ask[:done*one]))
			}
		}
	}
	return m.result()
}

// receive reads once and returns how many responses became whole.
func (c *getter) receive(buf []byte, r *responses) (whole int, err error) {
	kept := copy(buf, c.part)
	n, err := c.read(buf[kept:])
	if err != nil {
		return 0, err
	}
	in := buf[:kept+n]
	for len(in) > 0 {
		n, err := r.next(in)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		in = in[n:]
		whole++
	}
	c.part = append(c.part[:0], in...)
	return whole, nil
}

// must ends the program: a server that fails is not measured.
func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
