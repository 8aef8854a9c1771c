//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxLockTries bounds the retries that others force on a start: a former owner
// that removes the file in the same moment, or somebody who only asks.
const maxLockTries = 200

// A PIDFile says that a program runs, so that it does not run twice. The truth
// is the lock (flock) of the file, which ends with the process however that
// dies; the number in it is advice for people and scripts. So a number left by
// a crash, which may be another process's by now, never is in the way.
// Not safe for concurrent use.
type PIDFile struct {
	// Stale is the number that a process left which did not end in order; 0: none.
	Stale int

	name string // absolute: the working directory may change
	file *os.File
}

// CreatePIDFile takes the lock of the file name, making the file if there is
// none; Write then fills it. Of many that try at once exactly one succeeds, and
// the others have a *RunningError.
//
// mode is that of a new file, less the umask; 0: 0o600, because who may read the
// file may lock it, and so keep the program from starting. A file that is there
// must be regular, without other links, and hold nothing but a number: a name
// given by mistake costs no file, and nobody can lay a link in our way. One that
// is neither ours nor root's is made anew.
func CreatePIDFile(name string, mode fs.FileMode) (*PIDFile, error) {
	if mode == 0 {
		mode = 0o600
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("daemon: pid file: %w", err)
	}
	for range maxLockTries {
		p, err := tryPIDFile(name, mode)
		if !errors.Is(err, errRetry) {
			return p, err
		}
		time.Sleep(time.Millisecond)
	}
	return nil, fmt.Errorf("daemon: lock %s: others keep taking or removing it", name)
}

// errRetry says that the moment was a bad one.
var errRetry = errors.New("daemon: try again")

func tryPIDFile(name string, mode fs.FileMode) (_ *PIDFile, err error) {
	f, err := openRegular(name, os.O_RDWR|os.O_CREATE, mode)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := lock(f, unix.LOCK_EX); err != nil {
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("daemon: lock %s: %w", name, err)
		}
		// A shared lock is that of somebody who only asks (ReadPIDFile): he is
		// not running, and gone in a moment.
		if err := lock(f, unix.LOCK_SH); !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(errRetry, err)
		}
		pid, err := readPID(f, name)
		if err != nil {
			pid = 0
		}
		return nil, &RunningError{name, pid}
	}
	// A former owner may have removed the file between our open and our lock:
	// ours is then a file without a name, and the next start would make another.
	if !isAt(name, f) {
		return nil, errRetry
	}
	stale, err := readPID(f, name)
	if err != nil {
		return nil, err
	}
	if err := harmless(f, name); err != nil {
		return nil, err
	}
	// From here on the lock says that somebody runs: not the one who is gone.
	if err := f.Truncate(0); err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	return &PIDFile{stale, name, f}, nil
}

// harmless says whether to write to a file that may have been there before.
func harmless(f *os.File, name string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	st := info.Sys().(*syscall.Stat_t)
	if st.Nlink > 1 {
		return fmt.Errorf("daemon: pid file %s has %d links: want a file of its own", name, st.Nlink)
	}
	// Its owner could write another number there later, for us to signal.
	if uid := os.Geteuid(); int(st.Uid) != uid && st.Uid != 0 {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("daemon: pid file %s is owned by uid %d: want %d, who runs this: %w", name, st.Uid, uid, err)
		}
		return errRetry
	}
	return nil
}

// InheritPIDFile takes over the pid file of the process whose place we take:
// f is what its File returned, inherited; the lock came with it. f is the
// PIDFile's afterwards, also if this fails.
func InheritPIDFile(name string, f *os.File) (*PIDFile, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("daemon: pid file: %w", err)
	}
	if err := lock(f, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("daemon: inherited pid file %s: want it locked by whoever passes it: %w", name, err)
	}
	if err := control(f, func(fd int) error { unix.CloseOnExec(fd); return nil }); err != nil {
		f.Close()
		return nil, fmt.Errorf("daemon: inherited pid file %s: %w", name, err)
	}
	return &PIDFile{0, name, f}, nil
}

// Write says that pid is who runs. It overwrites the number in place, since the
// lock is the file's and not the name's; a reader sees the former or the new.
func (p *PIDFile) Write(pid int) error {
	line := strconv.AppendInt(nil, int64(pid), 10)
	line = append(line, '\n')
	if _, err := p.file.WriteAt(line, 0); err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	if err := p.file.Truncate(int64(len(line))); err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	return nil
}

// File is the locked file, for a successor to inherit. It stays the PIDFile's.
func (p *PIDFile) File() *os.File { return p.file }

// Remove ends it: the file goes if it still is ours, then the lock. Where it may
// not go, because privileges were dropped or the root is another, it is emptied:
// the next start takes it as it is.
func (p *PIDFile) Remove() error {
	defer p.file.Close()
	if isAt(p.name, p.file) {
		err := os.Remove(p.name)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EROFS) {
			return fmt.Errorf("daemon: %w", err)
		}
	}
	if err := p.file.Truncate(0); err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	return nil
}

// Close leaves file and lock to a successor that inherited them. Without one
// the lock ends, and what stays is stale.
func (p *PIDFile) Close() error { return p.file.Close() }

// ReadPIDFile reads the number in a pid file, and says whether its process is
// running: by the lock, so that a number that another process has by now is
// not taken for it. pid is 0 if nothing is written yet, or any more. A file that
// does not exist is an error that is fs.ErrNotExist; one that has no number is
// a *ContentError.
func ReadPIDFile(name string) (pid int, running bool, err error) {
	f, err := openRegular(name, os.O_RDONLY, 0)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	err = lock(f, unix.LOCK_SH)
	if running = errors.Is(err, unix.EWOULDBLOCK); !running && err != nil {
		return 0, false, fmt.Errorf("daemon: lock %s: %w", name, err)
	}
	// The number is read after the lock, so that one which a dead process left
	// is not taken for that of who just started.
	if pid, err = readPID(f, name); err != nil {
		return 0, false, err
	}
	return pid, running, nil
}

// openRegular opens a regular file that is not behind a symbolic link.
func openRegular(name string, flag int, mode fs.FileMode) (*os.File, error) {
	// O_NONBLOCK: a pipe of that name would wait for its other end.
	f, err := os.OpenFile(name, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, mode)
	if err != nil {
		if info, failed := os.Lstat(name); failed == nil && !info.Mode().IsRegular() {
			return nil, notRegular(name, info)
		}
		return nil, fmt.Errorf("daemon: pid file: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(name, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func notRegular(name string, info fs.FileInfo) error {
	what := "no regular file"
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		what = "a symbolic link"
	case info.IsDir():
		what = "a directory"
	}
	return fmt.Errorf("daemon: pid file %s is %s: want a regular file, or none", name, what)
}

func readPID(f *os.File, name string) (int, error) {
	content := make([]byte, maxPIDFileBytes+1)
	n, err := f.ReadAt(content, 0)
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("daemon: %w", err)
	}
	return parsePID(name, content[:n])
}

// isAt says whether name is f's.
func isAt(name string, f *os.File) bool {
	at, err := os.Lstat(name)
	if err != nil {
		return false
	}
	ours, err := f.Stat()
	return err == nil && os.SameFile(at, ours)
}

func lock(f *os.File, how int) error {
	return control(f, func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) })
}

// control calls f with its descriptor, and again when a signal interrupted it.
func control(f *os.File, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		for {
			if failed = call(int(fd)); failed != unix.EINTR {
				return
			}
		}
	}); err != nil {
		return err
	}
	return failed
}
