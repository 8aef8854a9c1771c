package tidy

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
)

// types are those of what this system builds, tests left out.
func (t *tree) types() (*types.Info, error) {
	t.once.Do(func() { t.info, t.err = t.check() })
	return t.info, t.err
}

func (t *tree) check() (*types.Info, error) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	exports, built, err := t.list()
	if err != nil {
		return nil, err
	}
	open := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, errors.New("no export data of " + path)
		}
		return os.Open(exports[path])
	}
	config := types.Config{Importer: importer.ForCompiler(t.fset, "gc", open), Error: func(error) {}}
	for _, p := range t.packages {
		var files []*ast.File
		for _, f := range p.files {
			if !f.test && (t.root == "" || built[f.name]) {
				files = append(files, f.ast)
			}
		}
		if len(files) > 0 {
			config.Check(p.path, t.fset, files, info) // what does not build is the compiler's to say
		}
	}
	return info, nil
}

// list asks the go command where compiled packages are, and which files of the
// tree this system builds.
func (t *tree) list() (exports map[string]string, built map[string]bool, err error) {
	args := []string{"list", "-e", "-export", "-deps", "-json=ImportPath,Export,GoFiles"}
	if t.root != "" {
		args = append(args, "./...")
	} else {
		args = append(args, "maps", "slices", "time") // what controls import
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = t.root
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, err
	}
	exports, built = map[string]string{}, map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Export string
			GoFiles            []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return exports, built, nil
		} else if err != nil {
			return nil, nil, err
		}
		exports[p.ImportPath] = p.Export
		if dir, ok := local(p.ImportPath); ok {
			for _, f := range p.GoFiles {
				built[strings.TrimPrefix(dir+"/"+f, "./")] = true
			}
		}
	}
}
