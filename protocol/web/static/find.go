package static

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

// A found is what a path means. Immutable after first use, but for what its
// contents count.
type found struct {
	redirect bool     // a directory, asked for without its slash
	file     *content // else
	variants []variant
}

// A variant is a file in another coding.
type variant struct {
	coding string
	*content
}

// The codings of files that are compressed beforehand, in the order of our
// preference, and their extensions.
var (
	codings    = []string{"br", "zstd", "gzip"}
	extensions = []string{".br", ".zst", ".gz"}
)

// contents calls f for each content of x.
func (x *found) contents(f func(*content)) {
	if x.file != nil {
		f(x.file)
	}
	for _, v := range x.variants {
		f(v.content)
	}
}

// olderBy is how much older than its original a compressed file may be: one that
// is older was made of what the original was before. Whoever copies a site
// writes its files in any order.
const olderBy = time.Minute

// hold keeps all contents open until release.
func (x *found) hold() { x.contents((*content).hold) }

func (x *found) release() {
	if x != nil {
		x.contents((*content).release)
	}
}

// A finder is what of a Files decides what is found. It is read on the pool.
type finder struct {
	indexes, extensions []string
	list, dots, links   bool
	compressed          bool
	types               map[string]string
	charset             string
}

func (f *Files) finder() finder {
	return finder{
		indexes: f.indexes(), extensions: f.Extensions, list: f.List, dots: f.DotFiles, links: !f.RefuseLinks,
		compressed: f.Precompressed, types: f.Types, charset: f.Charset,
	}
}

// A question is a path, and what was found the last time.
type question struct {
	finder
	src   source
	key   string
	name  string
	slash bool
	old   *found
}

// find looks, on the pool. The error is a *web.Error, or ours.
func (q *question) find() (x *found, err error) {
	if x, err = q.look(); err != nil {
		return nil, refusal(q.name, err)
	}
	return x, nil
}

func (q *question) look() (*found, error) {
	if q.name != "." && !q.links && linked(q.src, q.name) {
		return nil, fs.ErrNotExist
	}
	info, err := q.src.stat(q.name)
	switch {
	case err == nil && info.IsDir():
		return q.directory()
	case err == nil && q.slash && q.name != ".":
		return nil, fs.ErrNotExist // a file is no directory
	case err == nil:
		return q.load(q.name, info)
	case !q.slash && errors.Is(err, fs.ErrNotExist):
		for _, ext := range q.extensions {
			if ext == "*" {
				if ext = q.anyExtension(); ext == "" {
					continue
				}
			}
			if info, err := q.stat(q.name + ext); err == nil && info.Mode().IsRegular() {
				return q.load(q.name+ext, info)
			}
		}
	}
	return nil, err
}

// anyExtension is the first extension, in the order of the alphabet, with which
// the name is there; "": none, among the first maxListed names of its directory.
func (q *question) anyExtension() (ext string) {
	file, err := q.src.open(path.Dir(q.name))
	if err != nil {
		return ""
	}
	defer file.Close()
	d, ok := file.(fs.ReadDirFile)
	if !ok {
		return ""
	}
	entries, _ := d.ReadDir(maxListed)
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), path.Base(q.name)+".")
		if ok && rest != "" && !strings.Contains(rest, ".") && !e.IsDir() && (ext == "" || "."+rest < ext) {
			ext = "." + rest
		}
	}
	return ext
}

// stat is that of a name that the path does not hold itself.
func (q *question) stat(name string) (fs.FileInfo, error) {
	if !q.links && linked(q.src, name) {
		return nil, fs.ErrNotExist
	}
	return q.src.stat(name)
}

func (q *question) directory() (*found, error) {
	if !q.slash {
		return &found{redirect: true}, nil
	}
	for _, index := range q.indexes {
		name := path.Join(q.name, index)
		if info, err := q.stat(name); err == nil && info.Mode().IsRegular() {
			return q.load(name, info)
		}
	}
	if !q.list {
		return nil, fs.ErrNotExist
	}
	c, err := q.listing()
	if err != nil {
		return nil, err
	}
	return &found{file: c}, nil
}

// load opens a file, or takes it as it was found the last time if it is the same.
func (q *question) load(name string, info fs.FileInfo) (_ *found, err error) {
	x := &found{}
	if x.file, err = q.content(name, name, info); err != nil {
		return nil, err
	}
	if !q.compressed || name == "." {
		return x, nil
	}
	for i, ext := range extensions {
		info, err := q.stat(name + ext)
		if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(x.file.modified.Add(-olderBy)) {
			continue
		}
		c, err := q.content(name+ext, name, info)
		if err != nil {
			continue
		}
		x.variants = append(x.variants, variant{codings[i], c})
	}
	return x, nil
}

// content opens the file name; its type is that of the file typed.
func (q *question) content(name, typed string, info fs.FileInfo) (*content, error) {
	if !info.Mode().IsRegular() {
		return nil, &web.Error{Status: 404, Err: errNotRegular}
	}
	if q.old != nil {
		var same *content
		q.old.contents(func(c *content) {
			if c.is(name, info) {
				same = c
			}
		})
		if same != nil {
			return same, nil
		}
	}
	return q.read(name, typed)
}
