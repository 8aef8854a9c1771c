package logsink

import (
	"context"
	"errors"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Stdout, as the Name of an Output, is the standard output.
const Stdout = "-"

// An Output is where a server writes a line for each thing that it did, such as an
// access log: a file that a person named, behind a queue, so that no loop waits
// for the disk. The lines are written to Queue, by any loop. Loop-only.
type Output struct {
	// Name is the file, which rotates; Stdout; or "": there is none.
	Name string

	queue *Queue // nil: it is not open
	file  *File  // nil: standard output
}

// Open opens the file, so that one that cannot be written is known at once.
func (o *Output) Open(co *deferred.Co, l twistor.Loop) error {
	switch o.Name {
	case "":
		return nil
	case Stdout:
		o.queue = &Queue{To: os.Stdout}
		return nil
	}
	file := &File{Name: o.Name}
	_, err := deferred.Go(l, func(context.Context) (struct{}, error) { return struct{}{}, file.Open() }).Await(co)
	if err != nil {
		return err
	}
	o.file, o.queue = file, &Queue{To: file}
	return nil
}

// Queue takes the lines; nil: it is not open, or there is none.
func (o *Output) Queue() *Queue { return o.queue }

// Lost is how many lines there was no room for, or no disk.
func (o *Output) Lost() uint64 {
	if o.queue == nil {
		return 0
	}
	stats := o.queue.Stats()
	return uint64(stats.Dropped + stats.Failed)
}

// Close writes what waits, and closes the file.
func (o *Output) Close(co *deferred.Co, l twistor.Loop) error {
	if o.queue == nil {
		return nil
	}
	queue, file := o.queue, o.file
	o.queue, o.file = nil, nil
	_, err := deferred.Go(l, func(ctx context.Context) (struct{}, error) {
		err := queue.Close(ctx)
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return struct{}{}, err
	}).Await(co)
	return err
}
