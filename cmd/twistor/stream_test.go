//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twistor-go/twistor/protocol/weblog"
)

// appendHits FILE FROM TO: a line for each of the paths /FROM to /TO.
func appendHits(ts *testscript.TestScript, neg bool, args []string) {
	from, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	ts.Check(err)
	defer f.Close()
	for i := from; i <= to; i++ {
		_, err := io.WriteString(f, line(fmt.Sprint("/", i)))
		ts.Check(err)
	}
}

// stream has see look at the paths that a weblog sends, until that has enough.
func stream(addr string, see func(path string) (enough bool)) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	for hit, err := range weblog.Hits(conn) {
		if err != nil {
			return err
		}
		if see(hit.Path) {
			return nil
		}
	}
	return io.ErrUnexpectedEOF
}

// showHits ADDR N: prints the first N paths that a weblog with --replay sends.
func showHits(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(stream(args[0], func(path string) bool {
		fmt.Fprintln(ts.Stdout(), path)
		n--
		return n == 0
	}))
}

// seesAll ADDR FROM TO: waits until each of the paths /FROM to /TO has come; the
// first time in order.
func seesAll(ts *testscript.TestScript, neg bool, args []string) {
	next, err := strconv.Atoi(args[1])
	ts.Check(err)
	to, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(stream(args[0], func(path string) bool {
		if path == fmt.Sprint("/", next) {
			next++
		}
		return next > to
	}))
}
