package app_test

import (
	"context"
	"fmt"
	"os"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/app"
)

// A heart is a service that beats once, and then has the program stopped.
type heart struct{ stop context.CancelFunc }

func (h heart) Start(co *deferred.Co, on service.Host) error {
	fmt.Println("start")
	on.Loop().CallLater(0, h.stop)
	return nil
}

func (h heart) Stop(*deferred.Co) error {
	fmt.Println("stop")
	return nil
}

// A visitor book outlives its program: each run goes on where the last one
// stopped.
func ExampleApp() {
	dir, err := os.MkdirTemp("", "visits")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	home, _ := os.Getwd()
	os.Chdir(dir) // where its memory is
	defer os.Chdir(home)

	for range 3 {
		var book struct{ Visits int }
		ctx, stop := context.WithCancel(context.Background())
		a := app.New("book")
		a.Persist("book", &book)
		a.Add("visitor", visitor{func() {
			book.Visits++
			fmt.Println("visit", book.Visits)
			stop()
		}})
		if err := a.Run(ctx); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// visit 1
	// visit 2
	// visit 3
}

// A visitor comes once, as soon as the program runs.
type visitor struct{ comes func() }

func (v visitor) Start(_ *deferred.Co, on service.Host) error {
	on.Loop().CallLater(0, v.comes)
	return nil
}
func (v visitor) Stop(*deferred.Co) error { return nil }

func ExampleRun() {
	ctx, stop := context.WithCancel(context.Background())
	fmt.Println(app.Run(ctx, heart{stop}))
	// Output:
	// start
	// stop
	// <nil>
}
