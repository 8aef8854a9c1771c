package page

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"slices"

	"github.com/twistor-go/twistor/deferred"
)

const (
	// maxFiles is how many files Templates have; more are refused when they are
	// loaded.
	maxFiles = 1000
	// maxFileBytes is how large all of them may be together; as above.
	maxFileBytes = 16 << 20
)

// Templates are the pages of a site. They need FS. One is for one loop.
// Loop-only.
type Templates struct {
	// FS has the files: an embed.FS, or os.DirFS. Their names here are their
	// names in templates.
	FS fs.FS
	// Pages are patterns (fs.Glob) of the files that are pages. Nil: *.html.
	Pages []string
	// Layouts are patterns of the files that are parsed with each page.
	Layouts []string
	// Funcs are more functions for templates. They run on the loop and must not
	// wait; await is there for that.
	Funcs template.FuncMap
	// Reload reads all files again for each page: for who writes them.
	Reload bool

	// Owned by the loop.

	pages   map[string]*template.Template
	loading *deferred.Signal
	current *rendering // the one whose coroutine runs
}

// Load reads and checks all templates, so that the mistakes in them are known
// when the service starts; else the first page does it. Loading again reads them
// again; where that fails, what was loaded stays.
func (t *Templates) Load(l deferred.Loop) *deferred.Signal {
	if t.loading != nil {
		return t.loading.Shield()
	}
	funcs := t.funcs()
	fsys, pages, layouts := t.FS, t.Pages, t.Layouts
	if pages == nil {
		pages = []string{"*.html"}
	}
	read := deferred.Go(l, func(context.Context) (map[string]*template.Template, error) {
		return load(fsys, pages, layouts, funcs)
	})
	loading := deferred.Then(read, func(pages map[string]*template.Template) (struct{}, error) {
		t.pages = pages
		return struct{}{}, nil
	})
	if _, fired := loading.Result(); fired {
		return loading
	}
	t.loading = loading
	return loading.Always(func() { t.loading = nil }).Shield()
}

// load parses everything, on the pool.
func load(fsys fs.FS, pages, layouts []string, funcs template.FuncMap) (map[string]*template.Template, error) {
	if fsys == nil {
		return nil, errors.New("page: Templates.FS is nil: want the files of the templates")
	}
	common := template.New("").Funcs(funcs)
	room := int64(maxFileBytes)
	layoutNames, err := match(fsys, layouts)
	if err != nil {
		return nil, err
	}
	for _, name := range layoutNames {
		if err := parse(common, fsys, name, &room); err != nil {
			return nil, err
		}
	}
	names, err := match(fsys, pages)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*template.Template, len(names))
	for _, name := range names {
		set, err := common.Clone()
		if err != nil {
			return nil, fmt.Errorf("page: %s: %w", name, err)
		}
		if err := parse(set, fsys, name, &room); err != nil {
			return nil, err
		}
		if all[name], err = checked(set, name); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("page: no file matches %q", pages)
	}
	return all, nil
}

// match is the names of all files that patterns match, each once, sorted.
func match(fsys fs.FS, patterns []string) (names []string, err error) {
	for _, p := range patterns {
		found, err := fs.Glob(fsys, p)
		if err != nil {
			return nil, fmt.Errorf("page: pattern %q: %w", p, err)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) > maxFiles {
		return nil, fmt.Errorf("page: %d files: want %d at most", len(names), maxFiles)
	}
	return names, nil
}

func parse(set *template.Template, fsys fs.FS, name string, room *int64) error {
	f, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, *room+1))
	if err != nil {
		return fmt.Errorf("page: %s: %w", name, err)
	}
	if *room -= int64(len(text)); *room < 0 {
		return fmt.Errorf("page: %s: the templates have more than %d bytes", name, maxFileBytes)
	}
	if _, err := set.New(name).Parse(string(text)); err != nil {
		return fmt.Errorf("page: %w", err) // it has the name and the line
	}
	return nil
}

// checking is the name of a template that calls a page and stops before: to be
// run it must be escaped, and the page with it, which is when html/template finds
// what it cannot make safe.
const checking = "checking"

var errChecked = errors.New("page: it is escaped")

func checked(set *template.Template, name string) (*template.Template, error) {
	t, err := set.New(checking).Funcs(template.FuncMap{"stop": func() (string, error) { return "", errChecked }}).
		Parse(fmt.Sprintf("{{stop}}{{template %q .}}", name))
	if err == nil {
		err = t.Execute(io.Discard, nil)
	}
	if !errors.Is(err, errChecked) {
		return nil, fmt.Errorf("page: %s: %w", name, err)
	}
	return set.Lookup(name), nil
}
