package app_test

import (
	"context"
	"fmt"

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

func ExampleRun() {
	ctx, stop := context.WithCancel(context.Background())
	fmt.Println(app.Run(ctx, heart{stop}))
	// Output:
	// start
	// stop
	// <nil>
}
