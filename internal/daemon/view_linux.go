package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A view is how the kernel sees the process's threads: /proc/self/task, opened
// while there still is a /proc. It is closed at the end of the drop, because a
// directory outside is a way out of a Chroot.
type view struct{ tasks *os.Root }

func openView() (view, error) {
	tasks, err := os.OpenRoot("/proc/self/task")
	if err != nil {
		return view{}, fmt.Errorf("want /proc, to see that every thread drops its privileges: %w", err)
	}
	return view{tasks}, nil
}

func (v view) close() error { return v.tasks.Close() }

// verify looks at every thread.
func (v view) verify(c *Credentials, changed bool, r rights) error {
	dir, err := v.tasks.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	threads, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	seen := 0
	for _, id := range threads {
		status, err := v.tasks.ReadFile(id + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return err
		}
		seen++
		th, err := parseStatus(status)
		if err == nil {
			err = th.differs(c, changed, r)
		}
		if err != nil {
			return fmt.Errorf("thread %s: %w", id, err)
		}
	}
	if seen == 0 {
		return errors.New("/proc shows no threads")
	}
	return nil
}

// A thread is one of ours, by the kernel.
type thread struct {
	uids, gids [4]int // real, effective, saved, of the file system
	groups     []int
	noNew      bool
	// The capabilities that are inheritable, permitted, effective, bounding, ambient.
	inheritable, permitted, effective, bounding, ambient uint64
}

// differs says what a thread has that it should not have.
func (th *thread) differs(c *Credentials, changed bool, r rights) error {
	uids, gids := [4]int{c.UID, c.UID, c.UID, c.UID}, [4]int{c.GID, c.GID, c.GID, c.GID}
	if c.privileges.Effective {
		uids[0], uids[2] = th.uids[0], th.uids[2]
		gids[0], gids[2] = th.gids[0], th.gids[2]
	}
	switch {
	case th.uids != uids || th.gids != gids:
		return fmt.Errorf("ids are %v and %v", th.uids, th.gids)
	case !th.noNew:
		return errors.New("no_new_privs is not set")
	case !changed:
		return nil
	case !slices.Equal(slices.Sorted(slices.Values(th.groups)), slices.Compact(slices.Sorted(slices.Values(c.Groups)))):
		return fmt.Errorf("groups are %v", th.groups)
	case c.privileges.Effective && th.effective != 0:
		return fmt.Errorf("effective capabilities are %#x", th.effective)
	case r.dropped && (th.permitted != r.mask || th.effective != r.mask || th.ambient != 0):
		return fmt.Errorf("capabilities are %#x, %#x and %#x", th.permitted, th.effective, th.ambient)
	case r.bounding && th.bounding != r.mask:
		return fmt.Errorf("the bounding set is %#x", th.bounding)
	}
	return nil
}

// parseStatus reads what is of interest in a status file of proc(5).
func parseStatus(status []byte) (*thread, error) {
	th := &thread{}
	sets := map[string]*uint64{"CapInh": &th.inheritable, "CapPrm": &th.permitted, "CapEff": &th.effective, "CapBnd": &th.bounding, "CapAmb": &th.ambient}
	found := 0
	for line := range bytes.Lines(status) {
		name, text, _ := strings.Cut(string(line), ":")
		words := strings.Fields(text)
		var err error
		switch set := sets[name]; {
		case name == "Uid":
			err = numbers(th.uids[:], words)
		case name == "Gid":
			err = numbers(th.gids[:], words)
		case name == "Groups":
			th.groups = make([]int, len(words))
			err = numbers(th.groups, words)
		case name == "NoNewPrivs":
			th.noNew = slices.Equal(words, []string{"1"})
		case set != nil && len(words) == 1:
			*set, err = strconv.ParseUint(words[0], 16, 64)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("status line %.60q: %w", line, err)
		}
		found++
	}
	if found != 9 {
		return nil, fmt.Errorf("status has %d lines of 9 that were wanted", found)
	}
	return th, nil
}

func numbers(to []int, words []string) error {
	if len(words) != len(to) {
		return fmt.Errorf("%d numbers: want %d", len(words), len(to))
	}
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return err
		}
		to[i] = int(n)
	}
	return nil
}
