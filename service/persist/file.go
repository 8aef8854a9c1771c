package persist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/twistor-go/twistor"
)

// maxFileBytes is the largest file that is loaded; none larger is written.
const maxFileBytes = 256 << 20

// load reads a whole file.
func load(fsys twistor.FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("persist: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("persist: %w", err)
	case info.IsDir():
		return nil, wrong(name, ErrForeign, "it is a directory")
	case info.Size() > maxFileBytes:
		return nil, wrong(name, ErrTooLarge, "it has %d bytes, want up to %d", info.Size(), maxFileBytes)
	}
	// One byte more than there should be, so that a file that grows is seen.
	b := make([]byte, info.Size()+1)
	n, err := io.ReadFull(f, b)
	switch {
	case err == nil:
		return nil, wrong(name, ErrTooLarge, "it grows while it is read")
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, fmt.Errorf("persist: %w", err)
	}
	return b[:n], nil
}

// put makes b the content of the file name, by way of the file temporary, which is
// not there: who reads name finds the old content or the new. It is durable when
// the directory is synced. After an error there is no temporary file.
func put(fsys twistor.FS, name, temporary string, b []byte) error {
	f, err := fsys.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("persist: %w", err)
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	// What a failed Sync leaves behind is unknown, and a second one would not
	// say: the file is given up.
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = fsys.Rename(temporary, name)
	}
	if err != nil {
		fsys.Remove(temporary)
		return fmt.Errorf("persist: %w", err)
	}
	return nil
}

// prepareDir makes a directory, if it is missing, and its name durable: also when
// it is there already, because who made it may have been killed in between.
func prepareDir(fsys twistor.FS, dir string) error {
	if err := makeDir(fsys, dir); err != nil {
		return err
	}
	err := syncDir(fsys, path.Dir(dir))
	if errors.Is(err, fs.ErrPermission) {
		return nil // a directory that we may not read is none that we made
	}
	return err
}

// makeDir makes a directory and those above it.
func makeDir(fsys twistor.FS, dir string) error {
	switch info, err := fsys.Stat(dir); {
	case err == nil && !info.IsDir():
		return fmt.Errorf("persist: %s is not a directory, want one", dir)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("persist: %w", err)
	}
	above := path.Dir(dir)
	if above == dir {
		return fmt.Errorf("persist: no directory %s", dir)
	}
	if err := makeDir(fsys, above); err != nil {
		return err
	}
	if err := fsys.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("persist: %w", err)
	}
	return syncDir(fsys, above)
}

func syncDir(fsys twistor.FS, dir string) error {
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("persist: sync %s: %w", dir, err)
	}
	return nil
}
