//go:build linux

// Command durable-redis makes changes durable with a redis-server of its own
// (Debian's), appendonly yes and appendfsync always, over a UNIX socket: the
// server answers INCR when the change is on the disk. Ways: each, a connection
// for each writer; and shared, one for all, on which what is written while
// others wait goes out together (a pipeline).
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/bench/internal/durable"
)

const socket = "redis.sock"

// server is the one that runs.
var server *exec.Cmd

func main() {
	durable.Program{Ways: []string{"each", "shared"}, Start: start, Stop: stop, Kept: kept}.Main()
}

func start(job durable.Job, t *durable.Tally) error {
	if err := serve(job); err != nil {
		return err
	}
	if job.Way == "shared" {
		nc, err := dial(job)
		if err != nil {
			return err
		}
		p := newPipeline(nc, job.Writers)
		go func() { t.Fail(p.send()) }()
		go func() { t.Fail(p.receive()) }()
		t.Go(p.increment)
		return nil
	}
	connections := make([]*connection, job.Writers)
	for i := range connections {
		nc, err := dial(job)
		if err != nil {
			return err
		}
		connections[i] = newConnection(nc)
	}
	t.Go(func(writer int) error {
		_, err := connections[writer].ask("INCR", durable.Key(writer))
		return err
	})
	return nil
}

// serve starts the server on what is in the folder, and waits until it answers.
func serve(job durable.Job) error {
	var said strings.Builder
	server = exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "yes",
		"--appendfsync", "always", "--loglevel", "warning", "--daemonize", "no",
		"--tcp-backlog", "4096") // of a UNIX socket too: all writers dial at once
	server.Dir = job.Dir
	server.Stdout, server.Stderr = &said, &said
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	os.Remove(filepath.Join(job.Dir, socket)) // of a server that was killed
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	for range 100 {
		select {
		case err := <-ended:
			return fmt.Errorf("redis-server did not start: %v: %s", err, strings.TrimSpace(said.String()))
		case <-time.After(50 * time.Millisecond):
		}
		nc, err := dial(job)
		if err != nil {
			continue
		}
		_, err = newConnection(nc).ask("PING")
		nc.Close()
		if err == nil { // not so while it loads
			return nil
		}
	}
	return fmt.Errorf("redis-server does not answer at %s within 5 s", filepath.Join(job.Dir, socket))
}

func dial(job durable.Job) (net.Conn, error) {
	return net.Dial("unix", filepath.Join(job.Dir, socket))
}

// stop kills the server and sees it dead, since the next one needs its files.
func stop() {
	pid := server.Process.Pid
	syscall.Kill(pid, syscall.SIGKILL)
	for syscall.Kill(pid, 0) == nil {
		time.Sleep(time.Millisecond)
	}
}

func kept(job durable.Job) ([]int64, error) {
	if err := serve(job); err != nil {
		return nil, err
	}
	defer stop()
	nc, err := dial(job)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	c := newConnection(nc)
	counts := make([]int64, job.Writers)
	for i := range counts {
		// INCRBY 0 answers a number also where there is none yet.
		if counts[i], err = c.ask("INCRBY", durable.Key(i), "0"); err != nil {
			return nil, err
		}
	}
	return counts, nil
}
