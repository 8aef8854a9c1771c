package sim

import (
	"slices"
	"syscall"
	"time"
)

// DiskFaults says how a Disk fails and how slow it is. The zero one never fails
// and takes no time. Chances go from 0 to 1, each call's for itself, and what
// fails so fails with EIO.
type DiskFaults struct {
	// ReadError, WriteError, SyncError and NameError are the chances of a read;
	// of a write or truncation; of a sync of a file or directory; and of making,
	// renaming or removing a name.
	ReadError, WriteError, SyncError, NameError float64
	// SyncTime is how long a sync takes, and up to SyncJitter more: it makes
	// longer the job of a Host that calls it. On a Clock nothing takes time.
	SyncTime, SyncJitter time.Duration
	// MaxBytes is how many bytes the files may have together; 0: 256 MiB. Of a
	// write that does not fit, the part that does is written, then comes ENOSPC.
	MaxBytes int64
}

// A DiskOp is a kind of call that changes a Disk, or makes changes durable.
type DiskOp uint8

const (
	DiskCreate DiskOp = iota // OpenFile, of a file that was not there
	DiskWrite
	DiskTruncate
	DiskSync
	DiskSyncDir
	DiskMkdir
	DiskRename
	DiskRemove
)

func (o DiskOp) String() string {
	return [...]string{"create", "write", "truncate", "sync", "syncdir", "mkdir", "rename", "remove"}[o]
}

// A DiskCall is one call of such a kind. Immutable after first use.
type DiskCall struct {
	Op       DiskOp
	Name, To string // To of a rename
	Bytes    []byte // of a write; valid only during the call
}

// A fault is a call to come that fails.
type fault struct {
	ops     []DiskOp
	left    int // calls before it
	err     error
	forever bool
}

// FailOnce makes the call after skip others fail with err, counting those of the
// given kinds, or all that a DiskCall can be if none is given.
//
// A write that fails has written half of its bytes. A sync that fails has made
// durable some of what it should have, and the rest never will be: later reads
// see it, and later syncs succeed without it, until a Crash. That is how systems
// behave.
func (d *Disk) FailOnce(skip int, err error, ops ...DiskOp) {
	d.faults = append(d.faults, &fault{ops, skip, err, false})
}

// FailFrom is FailOnce for all calls after skip others.
func (d *Disk) FailFrom(skip int, err error, ops ...DiskOp) {
	d.faults = append(d.faults, &fault{ops, skip, err, true})
}

// Repair forgets what FailOnce and FailFrom said.
func (d *Disk) Repair() { d.faults = nil }

// before is called before each call that changes something. Its error is the
// call's.
func (d *Disk) before(c DiskCall) error {
	life := d.life
	if d.Before != nil {
		if err := d.Before(c); err != nil {
			return err
		}
		if d.life != life {
			return syscall.EIO
		}
	}
	if (c.Op == DiskSync || c.Op == DiskSyncDir) && d.took != nil {
		d.took(d.Faults.SyncTime + upTo(d.chance, d.Faults.SyncJitter))
	}
	for i, f := range d.faults {
		switch {
		case len(f.ops) > 0 && !slices.Contains(f.ops, c.Op):
		case f.left > 0:
			f.left--
		default:
			if !f.forever {
				d.faults = slices.Delete(d.faults, i, i+1)
			}
			return f.err
		}
	}
	p := d.Faults.NameError
	switch c.Op {
	case DiskWrite, DiskTruncate:
		p = d.Faults.WriteError
	case DiskSync, DiskSyncDir:
		p = d.Faults.SyncError
	}
	if chance(d.chance, p) {
		return syscall.EIO
	}
	return nil
}

// maxBytes is what the files may have together.
func (d *Disk) maxBytes() int64 {
	if d.Faults.MaxBytes > 0 {
		return min(d.Faults.MaxBytes, maxDiskBytes)
	}
	return maxDiskBytes
}
