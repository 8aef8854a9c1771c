package sim

import (
	"io"
	"path"
	"slices"
	"syscall"

	"github.com/twistor-go/twistor"
)

// A watch hears of one directory.
type watch struct {
	disk *Disk
	dir  string
	tell func(name string, op twistor.FileOp)
}

// Notify calls f, at once, for what happens to the files of dir, until the
// Closer is closed.
func (d *Disk) Notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	n, err := d.look(dir)
	if err == nil && n.entries == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, failed("notify", dir, err)
	}
	w := &watch{d, path.Clean("/" + dir), f}
	d.watches = append(d.watches, w)
	return w, nil
}

func (w *watch) Close() error {
	w.disk.watches = slices.DeleteFunc(w.disk.watches, func(v *watch) bool { return v == w })
	return nil
}

// tell tells those who watch the directory of name.
func (d *Disk) tell(name string, op twistor.FileOp) {
	dir, base := path.Split(path.Clean("/" + name))
	for _, w := range slices.Clone(d.watches) {
		if w.dir == path.Clean(dir) {
			w.tell(base, op)
		}
	}
}
