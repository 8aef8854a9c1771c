// The program weblogclient prints what `twistor weblog` sends, one line for
// each hit, and connects again when the connection is lost.
//
//	weblogclient -connect tcp:127.0.0.1:8888
//
// The lesson: straight-line code on the loop. What waits takes a Co, and the
// loop that connects again is a loop; no event is in sight, and no goroutine
// either. What a stranger logged is printed quoted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// A reader keeps a connection to a server, and prints what comes.
type reader struct {
	server  string        // endpoint
	every   time.Duration // between two questions; 0: the server pushes
	backoff service.Backoff
	out     io.Writer
	failed  int // tries since the last hit
}

// read reads one stream to its end, which is nil if the server said good-bye.
func (r *reader) read(co *deferred.Co, l twistor.Loop) error {
	_, err := weblog.Dial(l, r.server, &weblog.Client{
		Hit: func(hit weblog.Hit) {
			r.failed = 0
			fmt.Fprintf(r.out, "%s %s %d %s %q\n", hit.Time.Format("15:04:05"), hit.Host, hit.Status, hit.Method, hit.Path)
		},
		Lost:  func(count uint64) { fmt.Fprintln(r.out, count, "hits were lost") },
		Every: r.every,
	}).Await(co)
	return err
}

// run reads one stream after another, with a pause between them that grows as
// long as nothing comes.
func (r *reader) run(co *deferred.Co, l twistor.Loop) error {
	for {
		err := r.read(co, l)
		r.failed++
		pause, again := r.backoff.Delay(r.failed, l.Rand())
		if !again {
			return err
		}
		log.Printf("%s: %v; again in %v", r.server, err, pause)
		if err := co.Sleep(pause); err != nil {
			return err
		}
	}
}

func main() {
	server := flag.String("connect", "tcp:127.0.0.1:8888", "the server's `endpoint`")
	every := flag.Duration("ask", 0, "ask a server that runs with --pull, this often")
	flag.Parse()
	// To print may wait for the terminal; this loop has nothing else to do.
	r := reactor.New(&reactor.Config{Loops: 1, SlowTurn: -1})
	client := &reader{server: *server, every: *every, out: os.Stdout}
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, client.run(co, r.Loop()) })
	log.Fatal(r.Run(context.Background()))
}
