package logsink

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/twistor-go/twistor"
)

// lookInterval is how long a File may write to a file that was renamed before it
// looks whether its name still stands for it.
const lookInterval = time.Second

// A File is a log file: it appends, one write a line, so that several processes
// may write to it; it begins a new one when it is large or the day is over; and
// it opens its name again when somebody else renamed or removed the file, which
// it sees within a second, or at once by Reopen. A write that the disk has no
// room for leaves no part of its line behind. Writes take as long as the disk
// does: put a Queue before it. Its fields are immutable after first use. Safe
// for concurrent use.
type File struct {
	// Name is the file's. Its directory must exist.
	Name string
	// Mode is that of new files. 0: 0o640.
	Mode fs.FileMode
	// MaxBytes is how large the file may grow: a line that would exceed it goes
	// into a new one. 0: 16 MiB; negative: never a new one.
	MaxBytes int64
	// MaxFiles is how many former files are kept. 0: 10; negative: all.
	MaxFiles int
	// Daily begins a new file at midnight, too, and names former ones by their
	// day: NAME.2026-11-22, then NAME.2026-11-22.1 and so on for older ones of
	// the same day. Otherwise they are NAME.1, the newest, NAME.2 and so on.
	Daily bool
	// FS has the file; nil: the system's.
	FS twistor.FS
	// Now is the clock, in the zone whose midnights count. nil: time.Now.
	Now func() time.Time

	mu       sync.Mutex
	file     twistor.File // nil: to be opened
	special  bool         // no regular file, such as a device: it is never renamed
	closed   bool
	torn     bool // its last line has no end: it could not be taken back
	size     int64
	looked   time.Time
	midnight time.Time // the end of the file's day
	retry    time.Time // of a rotation that failed
}

// Open opens the file, as the first Write would: for those who want to know at
// once whether it can be.
func (f *File) Open() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open(f.now())
}

// Write appends p, one line or one record of several; a newline that is missing
// at its end is added. If the error is of rotation, p is written nevertheless.
func (f *File) Write(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if p[len(p)-1] != '\n' {
		n, err = f.Write(append(p[:len(p):len(p)], '\n'))
		return min(n, len(p)), err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.looked) >= lookInterval || now.Before(f.looked) {
		f.look(now)
	}
	if err := f.open(now); err != nil {
		return 0, err
	}
	var failed error
	if f.due(now, len(p)) {
		failed = f.rotate(now)
		if err := f.open(now); err != nil {
			return 0, err
		}
	}
	if err := f.append(p); err != nil {
		return 0, err
	}
	return len(p), failed
}

// append writes p whole, or not at all.
func (f *File) append(p []byte) error {
	if f.torn {
		p = append([]byte{'\n'}, p...) // what is there of the torn line is a line
	}
	n, err := f.file.Write(p)
	if err == nil {
		f.torn = false
		f.size += int64(n)
		return nil
	}
	if n == 0 {
		return err
	}
	// Only if nobody else wrote are the last n bytes surely ours.
	info, failed := f.file.Stat()
	alone := failed == nil && info.Size() == f.size+int64(n)
	if alone && f.file.Truncate(f.size) == nil {
		return err
	}
	f.size += int64(n)
	f.torn = true
	return err
}

// open opens the file if it is not open. Like all below it is called with mu
// held.
func (f *File) open(now time.Time) error {
	if f.closed {
		return &fs.PathError{Op: "write", Path: f.Name, Err: os.ErrClosed}
	}
	if f.file != nil {
		return nil
	}
	mode := f.Mode
	if mode == 0 {
		mode = 0o640
	}
	file, err := f.disk().OpenFile(f.Name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, mode)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.file, f.size, f.looked = file, info.Size(), now
	f.special = !info.Mode().IsRegular()
	f.torn = !f.special && f.size > 0 && !f.ended()
	day := now
	if f.size > 0 {
		day = info.ModTime().In(now.Location())
	}
	f.midnight = midnightAfter(day)
	return nil
}

// ended says whether the file ends with a newline. One that a process left which
// was killed, or that lay on a disk which was full, may not. What cannot be read
// is taken to be whole.
func (f *File) ended() bool {
	file, err := f.disk().OpenFile(f.Name, os.O_RDONLY, 0)
	if err != nil {
		return true
	}
	defer file.Close()
	var last [1]byte
	_, err = file.ReadAt(last[:], f.size-1)
	return err != nil || last[0] == '\n'
}

func midnightAfter(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

// look closes the file if its name stands for another one, or for none. It also
// asks its size: others may write to it, or truncate it.
func (f *File) look(now time.Time) {
	f.looked = now
	if f.file == nil {
		return
	}
	mine, err := f.file.Stat()
	if err != nil {
		f.drop()
		return
	}
	f.size = mine.Size()
	if tonight := midnightAfter(now); f.midnight.After(tonight) {
		f.midnight = tonight // the clock was ahead
	}
	named, err := f.disk().Stat(f.Name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !sameFile(mine, named) {
		f.drop()
	}
}

// sameFile tells whether two are one. os.SameFile knows real files only; those
// of other file systems are told apart by what they put in Sys.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) || a.Sys() != nil && a.Sys() == b.Sys()
}

// drop closes the file, to be opened again.
func (f *File) drop() {
	if f.file != nil {
		f.file.Close() // every line has been written: there is nothing it could lose
		f.file = nil
	}
}

// Reopen does what an operator wants of SIGUSR1: if the file was renamed or
// removed, its name is opened again; else a new one is begun, as if it were full,
// unless MaxBytes is negative and Daily false: then the name is opened again,
// too.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	f.look(now)
	var failed error
	switch {
	case f.file == nil: // it was renamed, or never opened
	case f.MaxBytes < 0 && !f.Daily:
		f.drop()
	default:
		failed = f.rotate(now)
	}
	if err := f.open(now); err != nil {
		return err
	}
	return failed
}

// Close closes the file; Write fails from now on.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}

func (f *File) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
