package endpoint

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// dialProcess parses process:, a child whose standard input and output are the
// connection.
func dialProcess(a *Args) (*Dialer, error) {
	words, err := split(a.Inner)
	if err != nil {
		return nil, err
	}
	var argv []string
	for _, w := range words {
		if w.key != "" {
			w.text = w.key + "=" + w.text // no key of ours: as it was written
		}
		if strings.ContainsRune(w.text, 0) {
			a.Fail("path", "want a program and arguments without NUL bytes")
		}
		argv = append(argv, w.text)
	}
	if argv[0] == "" {
		a.Fail("path", "want a program")
	}
	quiet := false
	switch what := a.Text("errors"); {
	case what == "drop":
		quiet = true
	case a.Has("errors") && what != "log":
		a.Fail("errors", "want log or drop")
	}
	command := twistor.Command{Path: argv[0], Args: argv[1:], Dir: a.Path("dir"), Group: true}
	if quiet {
		command.Files = map[int]*os.File{2: nil}
	}
	return &Dialer{Via: func(l twistor.Loop, _ twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
		return dialCommand(l, command, f)
	}}, nil
}

// dialCommand starts the child, in a callback of the loop's own: that knows
// what to do when the Protocol panics.
func dialCommand(l twistor.Loop, c twistor.Command, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	done := deferred.New[twistor.Protocol](l)
	s, ok := l.(twistor.Spawner)
	if !ok {
		done.Fail(fmt.Errorf("endpoint: %s: this loop has no child processes: %w", c.Path, errors.ErrUnsupported))
		return done
	}
	start := l.CallLater(0, func() {
		p := &program{factory: f}
		if _, err := s.Spawn(c, p); err != nil {
			done.Fail(err)
			return
		}
		defer func() {
			if p.why != nil { // a panic, which goes on to the loop
				done.Fail(p.why)
			}
		}()
		if !p.begin() {
			done.Fail(twistor.ErrRefused)
			return
		}
		done.Succeed(p.Above())
	})
	done.OnCancel(func() { start.Stop() })
	return done
}

// A program is a connection to a child: the layer above its pipes, which keeps
// Switch and the like, and the ProcessProtocol that feeds it.
type program struct {
	policy.Wrapper
	factory twistor.Factory
	pipes   *pipes
	process twistor.Process
	why     error // it was aborted
	over    bool  // Disconnected is said
}

// pipes is the Transport below: what is written goes to the child's input, what
// the child writes to its output comes by way of program.
type pipes struct {
	twistor.Transport // its input
	program           *program
	linger            deferred.Timer // of what follows Close or Abort
	limits            twistor.Limits
	closed            bool // Received is over
	killed            bool
}
