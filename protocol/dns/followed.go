package dns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A followed is what a file says: read when it is first asked for, and again when
// the file has changed. A file that is missing says nothing. The disk is looked
// at on the loop's workers. Loop-only.
type followed[T any] struct {
	name     string
	every    time.Duration // it is looked whether it has changed no more often
	maxBytes int64         // a longer file is not read
	parse    func(p []byte) T

	value    T
	read     bool
	mark     fileMark
	looked   time.Time
	looking  *deferred.Deferred[T]
	reported bool // that it cannot be read
}

// A fileMark is what changes when a file does.
type fileMark struct {
	there bool
	size  int64
	time  time.Time
}

// lookPatience is how long an answer waits for a disk that may have news.
const lookPatience = 50 * time.Millisecond

// get is what the file says now, or what it said before if the disk is slow.
func (k *followed[T]) get(l twistor.Loop) *deferred.Deferred[T] {
	if k.read && l.Now().Sub(k.looked) < k.every {
		return deferred.Succeeded(k.value)
	}
	d := k.looking
	if d == nil {
		d = k.look(l)
	}
	d = d.Shield()
	if k.read {
		d.Timeout(lookPatience)
	}
	return d.Catch(func(err error) (T, error) {
		if errors.Is(err, deferred.ErrTimeout) || errors.Is(err, deferred.ErrPoolFull) && k.read {
			return k.value, nil
		}
		return k.value, err
	})
}

// look looks at the file.
func (k *followed[T]) look(l twistor.Loop) *deferred.Deferred[T] {
	type found struct {
		mark  fileMark
		value T
	}
	files, old, read := l.FS(), k.mark, k.read
	job := deferred.Go(l, func(context.Context) (f found, err error) {
		info, err := files.Stat(k.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return f, err
		default:
			f.mark = fileMark{true, info.Size(), info.ModTime()}
		}
		if f.mark == old && read {
			return f, nil
		}
		var p []byte
		if f.mark.there {
			if p, err = readFile(files, k.name, k.maxBytes); err != nil {
				return f, err
			}
		}
		f.value = k.parse(p)
		return f, nil
	})
	d := deferred.Then(job, func(f found) (T, error) {
		if !k.read || f.mark != k.mark {
			k.value, k.mark, k.read = f.value, f.mark, true
		}
		k.reported = false
		return k.value, nil
	}).Catch(func(err error) (T, error) {
		if errors.Is(err, deferred.ErrPoolFull) || errors.Is(err, deferred.ErrStopped) {
			return k.value, err
		}
		if !k.reported { // as long as it lasts
			k.reported = true
			l.Log().Warn("cannot read", "file", k.name, "err", err)
		}
		if !k.read {
			k.value, k.read = k.parse(nil), true
		}
		return k.value, nil
	})
	k.looking = d
	return d.Always(func() { k.looked, k.looking = l.Now(), nil })
}

// readFile reads a whole file of a bounded size.
func readFile(files twistor.FS, name string, maxBytes int64) ([]byte, error) {
	f, err := files.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && int64(len(p)) > maxBytes {
		err = fmt.Errorf("dns: %s: want up to %d bytes", name, maxBytes)
	}
	return p, err
}
