package policy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A trafficFile is where Log notes one connection. The loop fills pending;
// jobs of the Log's lane, one at a time, write it.
type trafficFile struct {
	log  *Log
	loop twistor.Loop
	name string

	// Owned by the loop.
	pending []byte
	lost    int   // bytes of notes left out since the last one
	size    int64 // bytes noted
	writing bool
	full    bool // MaxFileBytes, or a disk that fails: nothing more is noted
	ended   bool

	// Owned by the job that runs.
	file twistor.File
}

// note adds a line.
func (f *trafficFile) note(at time.Duration, event string, p []byte, words string) {
	if f.full {
		return
	}
	if most := count(f.log.MaxPendingBytes, 1<<20); most >= 0 && len(f.pending)+len(p) > most {
		f.lost += len(p)
		return
	}
	before := len(f.pending)
	if f.lost > 0 {
		f.pending = fmt.Appendf(f.pending, "(%d bytes left out: the disk is slow)\n", f.lost)
		f.lost = 0
	}
	f.pending = fmt.Appendf(f.pending, "%.6f %s", at.Seconds(), event)
	if words != "" {
		f.pending = append(append(f.pending, ' '), words...)
	}
	if p != nil {
		f.pending = strconv.AppendQuoteToASCII(append(f.pending, ' '), string(p))
	}
	f.pending = append(f.pending, '\n')
	most := f.log.MaxFileBytes
	if most == 0 {
		most = 10 << 20
	}
	if n := int64(len(f.pending) - before); most < 0 || f.size+n <= most {
		f.size += n
	} else {
		f.full = true
		f.pending = append(f.pending[:before], "(the rest is left out: the file is full)\n"...)
	}
	f.write()
}

// end closes the file behind what is pending.
func (f *trafficFile) end() {
	f.ended = true
	f.write()
}

// write has pending written, one job at a time.
func (f *trafficFile) write() {
	if f.writing || len(f.pending) == 0 && !f.ended {
		return
	}
	f.writing = true
	p, last := f.pending, f.ended
	f.pending = nil
	f.log.lane.Go(f.loop, func(context.Context) error {
		return f.append(p, last)
	}).Done(func(_ struct{}, err error) {
		f.writing = false
		if errors.Is(err, deferred.ErrQueueFull) || errors.Is(err, deferred.ErrPoolFull) {
			f.pending = append(p, f.pending...)
			f.loop.CallLater(time.Second, f.write)
			return
		}
		if err != nil && !f.full {
			f.full = true
			f.loop.Log().Warn("policy: traffic is not logged", "op", "write", "name", f.name, "err", err)
		}
		if !last {
			f.write()
		}
	})
}

// append is a job: it writes p, and closes the file behind it if it is the
// last.
func (f *trafficFile) append(p []byte, last bool) (err error) {
	if f.file == nil && len(p) > 0 {
		// What passes may be secret: it is the owner's only.
		f.file, err = f.loop.FS().OpenFile(f.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
	}
	if len(p) > 0 {
		_, err = f.file.Write(p)
	}
	if last && f.file != nil {
		if e := f.file.Close(); err == nil {
			err = e
		}
		f.file = nil
	}
	return err
}
