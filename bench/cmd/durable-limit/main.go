//go:build linux

// Command durable-limit is no peer but what the file system and the disk allow:
// one thread that writes 64 bytes for each writer, with one call, and waits for
// fdatasync. Ways: append, to a file that grows; and ahead, over zeros that were
// written before, so that no size and no block has to become durable too.
package main

import (
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"

	"github.com/twistor-go/twistor/bench/internal/durable"
	"golang.org/x/sys/unix"
)

const (
	changeBytes = 64
	aheadBytes  = 64 << 20 // then from the start again
)

func main() {
	durable.Program{Ways: []string{"append", "ahead"}, Start: start}.Main()
}

func start(job durable.Job, t *durable.Tally) error {
	f, err := os.Create(filepath.Join(job.Dir, "log"))
	if err != nil {
		return err
	}
	ahead := job.Way == "ahead"
	if ahead {
		if _, err := f.Write(make([]byte, aheadBytes)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	t.Per = int64(job.Writers)
	b := make([]byte, changeBytes*job.Writers)
	for i := range b {
		b[i] = '.'
	}
	fd := int(f.Fd()) // and with it the file blocks, and is left alone by the runtime's poller
	go func() {
		runtime.LockOSThread()
		defer runtime.KeepAlive(f)
		written := 0
		for t.Begin(0) {
			if ahead && written+len(b) > aheadBytes {
				written = 0
			}
			if err := put(fd, b, int64(written)); err != nil {
				log.Fatal(err)
			}
			written += len(b)
			t.Acknowledge(0)
		}
	}()
	return nil
}

func put(fd int, b []byte, at int64) error {
	switch n, err := unix.Pwrite(fd, b, at); {
	case err != nil:
		return os.NewSyscallError("pwrite", err)
	case n < len(b):
		return io.ErrShortWrite
	}
	return os.NewSyscallError("fdatasync", unix.Fdatasync(fd))
}
