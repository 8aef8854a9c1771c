package sim

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor"
)

func write(t *testing.T, d twistor.FS, name, text string, flag int) {
	t.Helper()
	f, err := d.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), d.SyncDir(path.Dir(path.Clean("/"+name)))); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, d twistor.FS, name string) string {
	t.Helper()
	f, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDiskFiles(t *testing.T) {
	d := NewClock(t).FS()
	write(t, d, "a", "hello", 0)
	write(t, d, "/a", " world", os.O_APPEND)
	write(t, d, "./a", "J", 0)
	if got := read(t, d, "a"); got != "Jello world" {
		t.Errorf("got %q", got)
	}
	f, err := d.OpenFile("a", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(2); err != nil {
		t.Fatal(err)
	}
	f.Seek(4, io.SeekStart)
	io.WriteString(f, "!")
	if got := read(t, d, "a"); got != "Je\x00\x00!" {
		t.Errorf("after truncate and a hole: got %q", got)
	}
	p := make([]byte, 9)
	if n, err := f.ReadAt(p, 1); n != 4 || err != io.EOF {
		t.Errorf("ReadAt: got %d, %v; want 4, EOF", n, err)
	}
	if err := d.Rename("a", "b"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(f, "?") // follows the file, not the name
	if got := read(t, d, "b"); got != "Je\x00\x00!?" {
		t.Errorf("got %q", got)
	}
	d.Remove("b")
	if i, err := f.Stat(); err != nil || i.Size() != 6 {
		t.Errorf("a removed file that is open: got %v, %v", i, err)
	}
}

func TestDiskErrors(t *testing.T) {
	d := NewClock(t).FS()
	write(t, d, "f", "", 0)
	if err := d.Mkdir("dir", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, d, "dir/x", "", 0)
	open := func(name string, flag int) error {
		_, err := d.OpenFile(name, flag, 0o600)
		return err
	}
	_, noDir := d.ReadDir("f")
	for _, tc := range []struct {
		name      string
		got, want error
	}{
		{"open missing", open("g", os.O_RDONLY), fs.ErrNotExist},
		{"open exclusive", open("f", os.O_WRONLY|os.O_CREATE|os.O_EXCL), fs.ErrExist},
		{"open below a file", open("f/x", os.O_RDONLY), syscall.ENOTDIR},
		{"write a directory", open("dir", os.O_WRONLY), syscall.EISDIR},
		{"readdir file", noDir, syscall.ENOTDIR},
		{"mkdir twice", d.Mkdir("dir", 0o755), fs.ErrExist},
		{"mkdir below nothing", d.Mkdir("no/dir", 0o755), fs.ErrNotExist},
		{"remove full directory", d.Remove("dir"), syscall.ENOTEMPTY},
		{"rename missing", d.Rename("g", "h"), fs.ErrNotExist},
		{"rename file over directory", d.Rename("f", "dir"), syscall.EISDIR},
		{"rename into itself", d.Rename("dir", "dir/y"), syscall.EINVAL},
		{"sync missing", d.SyncDir("g"), fs.ErrNotExist},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}

func TestDiskReadDirIsSorted(t *testing.T) {
	d := NewClock(t).FS()
	for _, name := range []string{"c", "a", "b"} {
		write(t, d, name, "", 0)
	}
	list, err := d.ReadDir("/")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if want := []string{"a", "b", "c", "tmp"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDiskFull(t *testing.T) {
	d := NewClock(t).FS()
	f, _ := d.OpenFile("f", os.O_RDWR|os.O_CREATE, 0o600)
	if err := f.Truncate(maxDiskBytes + 1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
}

func TestDiskNotify(t *testing.T) {
	c := NewClock(t)
	var got []string
	w, err := c.Notify("/", func(name string, op twistor.FileOp) {
		got = append(got, fmt.Sprint(name, " ", op))
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.FS(), "log", strings.Repeat("x", 3), 0)
	c.FS().Rename("log", "log.1")
	if got != nil {
		t.Errorf("told %q before Advance", got)
	}
	c.Advance(0)
	w.Close()
	c.FS().Remove("log.1")
	c.Advance(0)
	want := []string{
		fmt.Sprint("log ", twistor.FileCreated), fmt.Sprint("log ", twistor.FileWritten),
		fmt.Sprint("log ", twistor.FileRemoved), fmt.Sprint("log.1 ", twistor.FileCreated),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
