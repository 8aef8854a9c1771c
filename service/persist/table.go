package persist

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Table is a directory as a map: one file for each key, replaced atomically. It
// is for values that are many, or large, and change one by one, where a Store
// would write all of them each time. The fields are not changed after Open.
// Loop-only.
//
// Calls take effect in the order in which they are made, one after another, and
// each is durable when its Signal fires. 1,000 may wait; more fail with ErrFull.
type Table struct {
	// Dir is the directory; it is made, for its owner only, if it is missing.
	// All of it is the Table's.
	Dir string
	// MaxValueBytes is the longest value; longer ones fail with ErrTooLarge.
	// 0: 16 MiB; the most is 128 MiB.
	MaxValueBytes int
	// MaxWaitingBytes is how many bytes of values may wait to be written; more
	// are refused with ErrFull, but one value may always wait. 0: 64 MiB.
	MaxWaitingBytes int

	loop    twistor.Loop
	lane    deferred.Lane
	lock    io.Closer
	waiting int // bytes
	open    bool
}

const (
	// maxKeyBytes is the longest key: it is a file name, five bits a letter.
	maxKeyBytes = 150
	valuePrefix = "v-"
	// maxTableCalls is how many calls may wait behind the one under way.
	maxTableCalls = 1000

	defaultMaxValueBytes        = 16 << 20
	defaultMaxTableWaitingBytes = 64 << 20
)

// keyLetters is one case only, so that a file system without case will do.
var keyLetters = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// Open locks the directory and removes what a crash has left half-written. The
// error wraps twistor.ErrLocked if another process holds it.
func (t *Table) Open(co *deferred.Co, l twistor.Loop) error {
	switch {
	case t.open:
		return fmt.Errorf("persist: table %s is open already", t.Dir)
	case t.Dir == "":
		return errors.New("persist: a table has no Dir, want one")
	case t.MaxValueBytes < 0 || t.MaxValueBytes > maxFileBytes/2:
		return fmt.Errorf("persist: table %s: MaxValueBytes %d, want 0 to %d", t.Dir, t.MaxValueBytes, maxFileBytes/2)
	case t.MaxWaitingBytes < 0:
		return fmt.Errorf("persist: table %s: MaxWaitingBytes %d, want 0 or more", t.Dir, t.MaxWaitingBytes)
	}
	t.loop, t.waiting = l, 0
	t.lane.MaxJobs = maxTableCalls + 1 // and Close
	fsys, dir := l.FS(), path.Clean(t.Dir)
	var lock io.Closer
	opened := deferred.New[struct{}](l)
	t.lane.Go(l, func(context.Context) (err error) {
		lock, err = openTable(fsys, dir)
		return err
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			opened.Fail(err)
		} else if !opened.Succeed(struct{}{}) {
			deferred.Go(l, unlock(lock)).Done(nil)
		}
	})
	if _, err := opened.Await(co); err != nil {
		return err
	}
	t.lock, t.open = lock, true
	return nil
}

func openTable(fsys twistor.FS, dir string) (lock io.Closer, err error) {
	if err := prepareDir(fsys, dir); err != nil {
		return nil, err
	}
	if lock, err = lockFile(fsys, path.Join(dir, "lock")); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	list, err := fsys.ReadDir(dir)
	for _, e := range list {
		if err == nil && strings.HasSuffix(e.Name(), temporarySuffix) {
			err = fsys.Remove(path.Join(dir, e.Name()))
		}
	}
	if err == nil {
		err = fsys.SyncDir(dir) // what is read from now on counts
	}
	if err != nil {
		if lock != nil {
			lock.Close()
		}
		return nil, fmt.Errorf("persist: %w", err)
	}
	return lock, nil
}

// Get reads the value of a key. The error wraps fs.ErrNotExist if there is none,
// and ErrCorrupt if it is damaged.
func (t *Table) Get(key string) *deferred.Deferred[[]byte] {
	file, err := t.file(key)
	if err != nil {
		return deferred.Failed[[]byte](t.loop, err)
	}
	var value []byte
	fsys := t.loop.FS()
	return deferred.Then(t.lane.Go(t.loop, func(context.Context) error {
		b, err := load(fsys, file)
		if err != nil {
			return err
		}
		body, rest, err := unseal(file, kindValue, b)
		if err == nil && len(rest) > 0 {
			err = wrong(file, ErrCorrupt, "%d bytes too many follow", len(rest))
		}
		value = body
		return err
	}), func(struct{}) ([]byte, error) { return value, nil })
}

// Put makes a copy of value that of a key.
func (t *Table) Put(key string, value []byte) *deferred.Signal {
	file, err := t.file(key)
	switch most := orDefault(t.MaxValueBytes, defaultMaxValueBytes); {
	case err != nil:
	case len(value) > most:
		err = fmt.Errorf("persist: key %q: %w: a value of %d bytes, want up to %d", key, ErrTooLarge, len(value), most)
	case t.waiting > 0 && t.waiting+len(value) > orDefault(t.MaxWaitingBytes, defaultMaxTableWaitingBytes):
		err = ErrFull
	}
	if err != nil {
		return deferred.Failed[struct{}](t.loop, err)
	}
	t.waiting += len(value)
	b := seal(kindValue, value)
	fsys, dir := t.loop.FS(), path.Clean(t.Dir)
	temporary := path.Join(dir, word(t.loop)+temporarySuffix)
	done := deferred.New[struct{}](t.loop)
	// Who cancels does not care; it is written all the same, and its bytes count
	// until then.
	t.lane.Go(t.loop, func(context.Context) error {
		if err := put(fsys, file, temporary, b); err != nil {
			return err
		}
		return syncDir(fsys, dir)
	}).Done(func(_ struct{}, err error) {
		t.waiting -= len(value)
		fire(done, err)
	})
	return done
}

// Delete removes a key and its value. The error wraps fs.ErrNotExist if there is
// none.
func (t *Table) Delete(key string) *deferred.Signal {
	file, err := t.file(key)
	if err != nil {
		return deferred.Failed[struct{}](t.loop, err)
	}
	fsys, dir := t.loop.FS(), path.Clean(t.Dir)
	return t.lane.Go(t.loop, func(context.Context) error {
		if err := fsys.Remove(file); err != nil {
			return fmt.Errorf("persist: key %q: %w", key, err)
		}
		return syncDir(fsys, dir)
	})
}

// Keys are all keys, sorted.
func (t *Table) Keys() *deferred.Deferred[[]string] {
	if err := t.admit(); err != nil {
		return deferred.Failed[[]string](t.loop, err)
	}
	var keys []string
	fsys, dir := t.loop.FS(), path.Clean(t.Dir)
	return deferred.Then(t.lane.Go(t.loop, func(context.Context) error {
		list, err := fsys.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("persist: %w", err)
		}
		for _, e := range list {
			if key, ok := keyOf(e); ok {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		return nil
	}), func(struct{}) ([]string, error) { return keys, nil })
}

// Close waits for the calls that were made, and lets the directory go. Later
// calls fail with ErrClosed. If co is cancelled it returns, and the rest is done
// all the same.
func (t *Table) Close(co *deferred.Co) error {
	if !t.open {
		return nil
	}
	t.open = false
	lock := t.lock
	done := deferred.New[struct{}](t.loop) // to cancel this one cancels nothing
	t.lane.Go(t.loop, func(ctx context.Context) error {
		_, err := unlock(lock)(ctx)
		return err
	}).Done(func(_ struct{}, err error) { fire(done, err) })
	_, err := done.Await(co)
	return err
}

// admit says whether a call may be made now.
func (t *Table) admit() error {
	switch {
	case !t.open:
		return ErrClosed
	case t.lane.Len() >= maxTableCalls:
		return ErrFull
	}
	return nil
}

// file is where the value of a key is.
func (t *Table) file(key string) (string, error) {
	if len(key) > maxKeyBytes {
		return "", fmt.Errorf("persist: key %.40q…: %w: %d bytes, want up to %d", key, ErrTooLarge, len(key), maxKeyBytes)
	}
	return path.Join(t.Dir, valuePrefix+keyLetters.EncodeToString([]byte(key))), t.admit()
}

func keyOf(e fs.DirEntry) (string, bool) {
	letters, ok := strings.CutPrefix(e.Name(), valuePrefix)
	if !ok || e.IsDir() {
		return "", false
	}
	key, err := keyLetters.DecodeString(letters)
	return string(key), err == nil && keyLetters.EncodeToString(key) == letters
}
