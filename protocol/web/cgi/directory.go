package cgi

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Directory is a web.Handler that runs the programs below a directory: the
// first file on the way that the path names is the program, the rest is its
// PATH_INFO. Mount it. Loop-only.
type Directory struct {
	Rules
	// Dir is the directory. A path or a link that leads out of it is not found.
	Dir string
	// Interpreters say by the extension, ".php", what runs a file: a program and its arguments, to which the
	// file is added. Others are run as they are, if they are executable.
	Interpreters map[string][]string

	crowd crowd
}

// Serve runs the program that the path names.
func (d *Directory) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	name, outer := r.Path(), mountedAt(r)
	dir := d.Dir
	found := deferred.Go(r.Loop(), func(context.Context) (program, error) { return find(dir, name) })
	return deferred.Chain(found, func(p program) *deferred.Signal {
		interpreter := d.Interpreters[path.Ext(p.name)]
		if len(interpreter) == 0 && !p.executable {
			return deferred.Failed[struct{}](r.Loop(), &web.Error{Status: 403, Err: errors.New("cgi: " + p.name + " is not executable")})
		}
		file, err := filepath.Abs(filepath.Join(dir, filepath.FromSlash(p.name)))
		if err != nil {
			return deferred.Failed[struct{}](r.Loop(), err)
		}
		command := twistor.Command{Path: file, Dir: filepath.Dir(file)}
		if len(interpreter) > 0 {
			command.Path = interpreter[0]
			command.Args = append(append(command.Args, interpreter[1:]...), file)
		}
		done := d.crowd.run(&d.Rules, w, r, command, place{name: outer + "/" + p.name, info: p.info, file: file})
		if done == nil {
			done = deferred.Succeeded(struct{}{})
		}
		return done
	})
}

// A program is a file that find found.
type program struct {
	name       string // below the directory, with slashes
	info       string // what the path has behind it
	executable bool
}

var errNone = &web.Error{Status: 404}

// find looks for the first regular file on the way that name goes. It blocks.
func find(dir, name string) (p program, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return p, err
	}
	defer root.Close()
	rest := strings.TrimPrefix(name, "/")
	at := ""
	for rest != "" {
		segment, after, more := strings.Cut(rest, "/")
		if segment == "" || segment[0] == '.' || strings.ContainsAny(segment, "\x00\\") || !filepath.IsLocal(segment) {
			return p, errNone
		}
		at = path.Join(at, segment)
		info, err := root.Stat(filepath.FromSlash(at))
		switch {
		case err != nil:
			return p, &web.Error{Status: 404, Err: err}
		case info.Mode().IsRegular():
			p = program{name: at, executable: info.Mode()&0o111 != 0}
			if more {
				p.info = "/" + after
			}
			return p, nil
		case info.Mode().Type() != fs.ModeDir:
			return p, errNone
		}
		rest = after
	}
	return p, errNone
}
