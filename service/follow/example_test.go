package follow_test

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/follow"
	"github.com/twistor-go/twistor/sim"
)

// A log that grows, and is renamed and begun anew.
func Example() {
	clock := sim.NewClock(nil)
	defer clock.Close()
	f := &follow.Follower{
		Name: "/tmp/log",
		Lines: func(lines [][]byte) {
			for _, line := range lines {
				fmt.Printf("%s\n", line)
			}
		},
		Log: slog.New(slog.DiscardHandler),
	}
	start := deferred.Inline(clock, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, f.Start(co, service.On(clock))
	})
	start.Done(func(_ struct{}, err error) { fmt.Println("started:", err) })

	create := func() io.Writer {
		file, err := clock.FS().OpenFile("/tmp/log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			panic(err)
		}
		return file
	}
	clock.Advance(time.Second)
	old := create()
	fmt.Fprint(old, "one\ntw")
	clock.Advance(time.Second)
	fmt.Fprint(old, "o\n")
	clock.FS().Rename("/tmp/log", "/tmp/log.1")
	fmt.Fprint(create(), "four\n")
	fmt.Fprint(old, "three\n")
	clock.Advance(5 * time.Second)
	// Output:
	// started: <nil>
	// one
	// two
	// three
	// four
}
