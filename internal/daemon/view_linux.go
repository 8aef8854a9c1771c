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
	for _, thread := range threads {
		status, err := v.tasks.ReadFile(thread + "/status")
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return err
		}
		seen++
		k, err := parseStatus(status)
		if err == nil {
			err = k.differs(c, changed, r)
		}
		if err != nil {
			return fmt.Errorf("thread %s: %w", thread, err)
		}
	}
	if seen == 0 {
		return errors.New("/proc shows no threads")
	}
	return nil
}

// A keep is what a thread has, by the kernel.
type keep struct {
	uids, gids [4]int // real, effective, saved, of the file system
	groups     []int
	noNew      bool
	// The capabilities that are inheritable, permitted, effective, bounding, ambient.
	inheritable, permitted, effective, bounding, ambient uint64
}

// differs says what a thread has that it should not have.
func (k *keep) differs(c *Credentials, changed bool, r rights) error {
	uids, gids := [4]int{c.UID, c.UID, c.UID, c.UID}, [4]int{c.GID, c.GID, c.GID, c.GID}
	if c.privileges.Effective {
		uids[0], uids[2] = k.uids[0], k.uids[2]
		gids[0], gids[2] = k.gids[0], k.gids[2]
	}
	switch {
	case k.uids != uids || k.gids != gids:
		return fmt.Errorf("ids are %v and %v", k.uids, k.gids)
	case !k.noNew:
		return errors.New("no_new_privs is not set")
	case !changed:
		return nil
	case !slices.Equal(slices.Sorted(slices.Values(k.groups)), slices.Compact(slices.Sorted(slices.Values(c.Groups)))):
		return fmt.Errorf("groups are %v", k.groups)
	case c.privileges.Effective && k.effective != 0:
		return fmt.Errorf("effective capabilities are %#x", k.effective)
	case r.dropped && (k.permitted != r.mask || k.effective != r.mask || k.ambient != 0):
		return fmt.Errorf("capabilities are %#x, %#x and %#x", k.permitted, k.effective, k.ambient)
	case r.bounding && k.bounding != r.mask:
		return fmt.Errorf("the bounding set is %#x", k.bounding)
	}
	return nil
}

// parseStatus reads what is of interest in a status file of proc(5).
func parseStatus(status []byte) (*keep, error) {
	k := &keep{}
	sets := map[string]*uint64{"CapInh": &k.inheritable, "CapPrm": &k.permitted, "CapEff": &k.effective, "CapBnd": &k.bounding, "CapAmb": &k.ambient}
	found := 0
	for line := range bytes.Lines(status) {
		name, text, _ := strings.Cut(string(line), ":")
		words := strings.Fields(text)
		var err error
		switch set := sets[name]; {
		case name == "Uid":
			err = numbers(k.uids[:], words)
		case name == "Gid":
			err = numbers(k.gids[:], words)
		case name == "Groups":
			k.groups = make([]int, len(words))
			err = numbers(k.groups, words)
		case name == "NoNewPrivs":
			k.noNew = slices.Equal(words, []string{"1"})
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
	return k, nil
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
