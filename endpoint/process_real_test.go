//go:build unix

package endpoint_test

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// TestE22Real: programs of the system, on the real reactor.
func TestE22Real(t *testing.T) {
	for _, program := range []string{"cat", "sh"} {
		peertest.Program(t, program)
	}
	for _, c := range []struct{ place, write, want, err string }{
		{"process:cat", "meow", "meow", "EOF"},
		{`process:sh:-c:read x; echo got $x; exit 3`, "it\n", "got it\n", "exit status 3"},
		{`process:errors=drop:sh:-c:echo a >&2; echo b; kill $$`, "", "b\n", "killed by signal: terminated"},
	} {
		ear := &sim.Ear{}
		err := reactor.Do(context.Background(), &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
			over := deferred.New[struct{}](l)
			ear.On = func(e *sim.Ear, _ string) {
				if e.Err != nil {
					over.Succeed(struct{}{})
				}
			}
			if _, err := endpoint.Dial(l, c.place, ear).Await(co); err != nil {
				return err
			}
			io.WriteString(ear, c.write)
			ear.CloseWrite()
			_, err := over.Timeout(20 * time.Second).Await(co)
			return err
		})
		if err != nil || string(ear.Bytes) != c.want || ear.Err == nil || ear.Err.Error() != c.err {
			t.Errorf("%s: got %q, %v (%v); want %q, %s", c.place, ear.Bytes, ear.Err, err, c.want, c.err)
		}
		if x, ok := errors.AsType[*exec.ExitError](ear.Err); ok && x.Pid() == 0 {
			t.Errorf("%s: an ExitError without a process", c.place)
		}
	}
}
