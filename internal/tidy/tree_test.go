package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/twistor-go/twistor"

// A tree is all Go source of the module, or a small one that was made up.
type tree struct {
	root     string // folder on disk; "" if made up
	fset     *token.FileSet
	packages []*pkg // by path

	once sync.Once // types, once: it asks the go command
	info *types.Info
	err  error
}

// A pkg is a folder with Go files, those of tests and of all systems included.
type pkg struct {
	path  string // below the module: "." is its root
	files []*file
}

type file struct {
	name string // below the module: "framing/lines.go"
	test bool
	src  string
	ast  *ast.File
}

// A finding is one place that breaks a rule.
type finding struct {
	file string
	line int
	what string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.what) }

// A check is one rule, held against a tree.
type check func(*tree) []finding

// nodes calls f for every node of every file that wanted accepts.
func (t *tree) nodes(wanted func(*pkg, *file) bool, f func(*pkg, *file, ast.Node)) {
	for _, p := range t.packages {
		for _, file := range p.files {
			if !wanted(p, file) {
				continue
			}
			ast.Inspect(file.ast, func(n ast.Node) bool {
				if n != nil {
					f(p, file, n)
				}
				return true
			})
		}
	}
}

func (t *tree) line(n ast.Node) int { return t.fset.Position(n.Pos()).Line }

// imports maps the names by which a file knows packages to their paths.
func (f *file) imports() map[string]string {
	names := map[string]string{}
	for _, spec := range f.ast.Imports {
		p := strings.Trim(spec.Path.Value, `"`)
		name := path.Base(p)
		if name == "v2" || name == "v3" {
			name = path.Base(path.Dir(p))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = p
	}
	return names
}

// selected is the package and name of an expression such as time.Now; ok is
// false if it is no name of an imported package.
func selected(imports map[string]string, n ast.Node) (pkg, name string, ok bool) {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", "", false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok || x.Obj != nil { // a variable hides the package
		return "", "", false
	}
	p, ok := imports[x.Name]
	return p, sel.Sel.Name, ok
}

// local is an import's path below the module, if it is of the module.
func local(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// match says whether a package is what a pattern names: itself, or with
// "/..." at the end itself and all below. "..." is every package.
func match(pattern, p string) bool {
	if pattern == "..." {
		return true
	}
	if base, all := strings.CutSuffix(pattern, "/..."); all {
		return p == base || strings.HasPrefix(p, base+"/")
	}
	return p == pattern
}

func matchAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, p) })
}

// repository is the real tree, read once.
var repository = sync.OnceValues(func() (*tree, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			// A module of its own, such as bench, is made of other people's code too.
			_, err := os.Stat(filepath.Join(name, "go.mod"))
			if rel != "." && err == nil || d.Name() == "testdata" || rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			b, err := os.ReadFile(name)
			sources[rel] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t, err := parse(sources)
	if t != nil {
		t.root = root
	}
	return t, err
})

// parse makes a tree of sources, by file name below the module.
func parse(sources map[string]string) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		f, err := parser.ParseFile(t.fset, name, sources[name], parser.ParseComments)
		if err != nil {
			return nil, err
		}
		dir := path.Dir(name)
		i, ok := slices.BinarySearchFunc(t.packages, dir, func(p *pkg, dir string) int { return strings.Compare(p.path, dir) })
		if !ok {
			t.packages = slices.Insert(t.packages, i, &pkg{path: dir})
		}
		t.packages[i].files = append(t.packages[i].files,
			&file{name: name, test: strings.HasSuffix(name, "_test.go"), src: sources[name], ast: f})
	}
	return t, nil
}

// holds tests the real tree.
func holds(t *testing.T, c check) {
	t.Helper()
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c(tree) {
		t.Error(f)
	}
}

// finds is the positive control: c must report the lines that end in "// want",
// each once, and no others.
func finds(t *testing.T, c check, sources map[string]string) {
	t.Helper()
	tree, err := parse(sources)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for name, src := range sources {
		for i, line := range strings.Split(src, "\n") {
			if strings.HasSuffix(line, "// want") {
				want[fmt.Sprintf("%s:%d", name, i+1)] = true
			}
		}
	}
	if len(want) == 0 {
		t.Fatal("the control has no line to find")
	}
	for _, f := range c(tree) {
		at := fmt.Sprintf("%s:%d", f.file, f.line)
		if !want[at] {
			t.Errorf("reported without need: %s", f)
		}
		want[at] = false
	}
	for at, missed := range want {
		if missed {
			t.Errorf("%s: not found", at)
		}
	}
}
