//go:build linux

package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twistor-go/twistor/bench/internal/proc"
)

// idle opens all connections, lets the server settle, sends one message over
// each, and lets it settle again.
func idle() result {
	if *overTLS {
		debug.SetGCPercent(100) // handshakes leave much behind
	}
	pids := proc.Tree(*server)
	before, slab := proc.RSS(pids, "VmRSS"), proc.Slab()
	start := time.Now()
	conns := make([]net.Conn, *count)
	each(func(i int) { conns[i] = connect(i) })
	setup := float64(*count) / time.Since(start).Seconds()
	open := settled(pids)
	kernel := proc.Slab()
	message := bytes.Repeat([]byte("x"), *size)
	each(func(i int) {
		back := make([]byte, len(message))
		conns[i].SetDeadline(time.Now().Add(60 * time.Second))
		if _, err := conns[i].Write(message); err != nil {
			log.Fatal(err)
		}
		if _, err := io.ReadFull(conns[i], back); err != nil {
			log.Fatal("echo: ", err)
		}
	})
	used := settled(pids)
	per := func(kib int) float64 { return float64(kib) * 1024 / float64(*count) }
	return result{Idle: per(open - before), Used: per(used - before), Slab: per(kernel - slab), Setup: setup, RSS: float64(used)}
}

// tcp connects socket number i for a goroutine.
func tcp(i int) net.Conn {
	f := os.NewFile(uintptr(dial(i)), "")
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func connect(i int) net.Conn {
	c := tcp(i)
	if !*overTLS {
		return c
	}
	// The certificate is made for this run, by whom we start: nothing to verify.
	t := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	if err := t.Handshake(); err != nil {
		log.Fatal("handshake: ", err)
	}
	return t
}

// settled waits until the server's memory stands still for half a second,
// ten seconds at most, and returns it in KiB.
func settled(pids []int) int {
	last := -1
	for range 20 {
		time.Sleep(500 * time.Millisecond)
		now := proc.RSS(pids, "VmRSS")
		if now == last {
			break
		}
		last = now
	}
	return last
}

// each runs f(0) ... f(count-1) on four goroutines.
func each(f func(i int)) {
	const workers = 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < *count; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}
