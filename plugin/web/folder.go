package web

import (
	"fmt"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/static"
)

// A folder is a directory of files, or one file, as one loop serves it. What
// takes the directory's name, such as a link that leads to the next release, is
// served after a reload. Loop-only.
type folder struct {
	loop  twistor.Loop
	flag  string // by which it was named
	files func() *static.Files

	now    *static.Files
	former []*static.Files
	later  twistor.Timer // closes the former ones
}

// lasting is how long a directory stays open that another one took the place
// of: jobs on the pool look into it still.
const lasting = 10 * time.Second

// folder makes a folder of s.
func (s *site) folder(p *plan, flag, dir string) web.Handler {
	f := &folder{loop: s.loop, flag: flag, files: func() *static.Files {
		return &static.Files{
			Dir: dir, Index: p.Index, List: p.Listing, Extensions: p.IgnoreExts, Fallback: p.SPA,
			DotFiles: p.Hidden, Precompressed: p.Compress, Types: p.types, Recheck: time.Second,
		}
	}}
	f.now = f.files()
	s.folders = append(s.folders, f)
	return f
}

// Serve implements web.Handler.
func (f *folder) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	return f.now.Serve(w, r)
}

// open fails if there is no such directory.
func (f *folder) open(co *deferred.Co) error {
	if _, err := f.now.Open(f.loop).Await(co); err != nil {
		return fmt.Errorf("--%s: %w", f.flag, err)
	}
	return nil
}

// reload serves what has the name now.
func (f *folder) reload(co *deferred.Co) error {
	next := f.files()
	if _, err := next.Open(f.loop).Await(co); err != nil {
		return fmt.Errorf("--%s: %w: the former directory is served on", f.flag, err)
	}
	f.former = append(f.former, f.now)
	f.now = next
	if len(f.former) > 1 {
		f.former[0].Close()
		f.former = slices.Delete(f.former, 0, 1)
	}
	f.later.Stop()
	f.later = f.loop.CallLater(lasting, f.forget)
	return nil
}

// forget closes what was served before.
func (f *folder) forget() {
	for _, files := range f.former {
		files.Close()
	}
	f.former = nil
}

func (f *folder) close() {
	f.later.Stop()
	f.forget()
	f.now.Close()
}
