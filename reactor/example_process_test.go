//go:build linux

package reactor_test

import (
	"context"
	"fmt"
	"io"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// A sorting is the protocol of a child that sorts.
type sorting struct {
	result []byte
	ended  *deferred.Signal
}

func (s *sorting) Spawned(p twistor.Process) {
	io.WriteString(p.Input(0), "pear\napple\nfig\n")
	p.Input(0).Close()
}
func (s *sorting) OutputReceived(fd int, p []byte) { s.result = append(s.result, p...) }
func (s *sorting) OutputClosed(fd int)             {}
func (s *sorting) Exited(err error)                {}

func (s *sorting) Ended(err error) {
	if err != nil {
		s.ended.Fail(err)
	} else {
		s.ended.Succeed(struct{}{})
	}
}

// A loop has child processes; package service/process has what most programs
// want of them.
func Example_spawn() {
	err := reactor.Do(context.Background(), nil, func(co *deferred.Co, l twistor.Loop) error {
		s := &sorting{ended: deferred.New[struct{}](l)}
		_, err := l.(twistor.Spawner).Spawn(twistor.Command{Path: "sort", Env: []string{"LC_ALL=C"}}, s)
		if err != nil {
			return err
		}
		_, err = s.ended.Await(co)
		fmt.Print(string(s.result))
		return err
	})
	fmt.Println(err)
	// Output:
	// apple
	// fig
	// pear
	// <nil>
}
