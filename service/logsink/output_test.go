package logsink_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service/logsink"
)

// TestOutput: what was written is in the file after Close; a file that cannot be
// written is known at once; without a name there is nothing.
func TestOutput(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lines")
	err := reactor.Do(t.Context(), &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
		o := &logsink.Output{Name: name}
		if o.Queue() != nil {
			t.Error("there is a Queue before Open")
		}
		if err := o.Open(co, l); err != nil {
			return err
		}
		o.Queue().Write([]byte("one\n"))
		o.Queue().Write([]byte("two\n"))
		if err := o.Close(co, l); err != nil {
			return err
		}
		if got, err := os.ReadFile(name); string(got) != "one\ntwo\n" {
			t.Errorf("got %q, %v, want both lines", got, err)
		}
		if o.Queue() != nil || o.Lost() != 0 {
			t.Errorf("closed: got a queue %v and %d lost, want neither", o.Queue(), o.Lost())
		}
		if err := (&logsink.Output{Name: filepath.Join(name, "below")}).Open(co, l); err == nil {
			t.Error("a file below a file: opened")
		}
		none := &logsink.Output{}
		if err := none.Open(co, l); err != nil || none.Queue() != nil {
			t.Errorf("without a name: got %v and a queue %v, want nothing", err, none.Queue())
		}
		return none.Close(co, l)
	})
	if err != nil {
		t.Fatal(err)
	}
}
