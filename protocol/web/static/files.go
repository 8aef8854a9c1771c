package static

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// DefaultRecheck is how long what was found is used without asking the file
// system again.
const DefaultRecheck = time.Second

// Files is a Handler that answers with files. It needs Dir or FS; all else may
// be zero. It lives on one loop: where all loops serve, each has its own.
// Loop-only.
type Files struct {
	// Dir is the directory, or the one file, that is served.
	Dir string
	// FS is served in place of Dir: what the program carries.
	FS fs.FS

	// Index names the pages of a directory, the first that is there counts.
	// Nil: index.html, index.htm; empty: none.
	Index []string
	// List shows directories without such a page; else they are not found.
	List bool
	// Extensions, such as ".html", are tried for a name that is not there; "*"
	// stands for any.
	Extensions []string
	// Fallback is the file that answers for names that are not there and have
	// no extension: the page of an application that knows its own paths. "":
	// none.
	Fallback string
	// NotFound answers what is not there; nil: NotFoundPage does.
	NotFound web.Handler
	// NotFoundPage is the file that is sent with 404; "": the Server's page.
	NotFoundPage string
	// DotFiles serves names that begin with a dot too. ".well-known" is served
	// in any case (https://www.rfc-editor.org/rfc/rfc8615).
	DotFiles bool
	// RefuseLinks serves nothing that a symbolic link leads to. Else those
	// that stay within Dir are followed. It looks before it opens: it is a
	// policy, while the confinement in Dir holds in any case.
	RefuseLinks bool
	// Precompressed serves "a.js.br", "a.js.zst" or "a.js.gz" for "a.js" to
	// clients that take it, unless it is older by more than a minute.
	Precompressed bool

	// Types are content types by extension (".txt"), before those known here.
	Types map[string]string
	// Charset is added to text types. "": utf-8.
	Charset string
	// CacheControl is that field of all files. "": none.
	CacheControl string
	// Recheck is how long what was found is used without asking the file
	// system. 0: 1 s; negative: each request asks.
	Recheck time.Duration

	// Owned by the loop.

	src     source
	cache   cache
	looking map[string]*deferred.Deferred[*found]
}

// Open opens the directory now, so that a wrong one is known when the service
// starts, before privileges are dropped; else the first request does it. From
// then on it is that directory, whatever takes its name.
func (f *Files) Open(l deferred.Loop) *deferred.Signal {
	if f.src != nil {
		return deferred.Succeeded(struct{}{})
	}
	if f.FS != nil {
		f.src = &embedded{f.FS}
		return deferred.Succeeded(struct{}{})
	}
	dir := f.Dir
	opened := deferred.Go(l, func(context.Context) (source, error) { return openDir(dir) })
	return deferred.Then(opened, func(src source) (struct{}, error) {
		if f.src != nil { // another one was faster
			src.close()
			return struct{}{}, nil
		}
		f.src = src
		return struct{}{}, nil
	})
}

// Close gives back the directory and all files but those being sent. A later
// request opens them again.
func (f *Files) Close() {
	f.cache.clear()
	if f.src != nil {
		f.src.close()
		f.src = nil
	}
}

// Serve answers with the file of r's path.
func (f *Files) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	switch r.Method {
	case "GET", "HEAD":
	case "OPTIONS":
		w.SetHeader("Allow", allowed)
		w.WriteHeader(204)
		return nil
	default:
		w.SetHeader("Allow", allowed)
		web.Refuse(w, r, 405, "")
		return nil
	}
	p := r.Path()
	if e := f.cache.get(p); e != nil && r.Loop().Now().Before(e.until) {
		return f.answer(w, r, e.found, 200)
	}
	name, slash, ok := f.name(p)
	if !ok {
		return f.missing(w, r, errNotFound)
	}
	return f.lookThen(w, r, question{key: p, name: name, slash: slash}, func(found *found, err error) *deferred.Signal {
		if err != nil {
			return f.missing(w, r, err)
		}
		return f.answer(w, r, found, 200)
	})
}

const allowed = "GET, HEAD, OPTIONS"

var errNotFound error = &web.Error{Status: 404}

// name is the file that a path means. Not ok: none can be meant.
func (f *Files) name(p string) (name string, slash, ok bool) {
	if p == "/" {
		return ".", true, true
	}
	if p == "" || p[0] != '/' || strings.ContainsAny(p, "\x00\\") {
		return "", false, false
	}
	p = p[1:]
	if p[len(p)-1] == '/' {
		slash = true
		p = p[:len(p)-1]
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." || part == ".." || !f.shows(part) {
			return "", false, false
		}
	}
	return p, slash, true
}

// shows says whether a name may be seen.
func (f *Files) shows(part string) bool {
	return f.DotFiles || part[0] != '.' || part == ".well-known"
}

// lookThen asks the file system, once for all who ask at the same time, and
// has then answer. It answers at once if the pool does.
func (f *Files) lookThen(w *web.ResponseWriter, r *web.Request, q question, then func(*found, error) *deferred.Signal) *deferred.Signal {
	d := f.looking[q.key]
	if d == nil {
		d = f.look(r.Loop(), q)
		if _, fired := d.Result(); !fired {
			if f.looking == nil {
				f.looking = map[string]*deferred.Deferred[*found]{}
			}
			f.looking[q.key] = d
			d.Always(func() { delete(f.looking, q.key) })
		}
	}
	// A client that leaves does not take the answer from the others.
	outcome := deferred.New[deferred.Outcome[*found]](r.Loop())
	d.Done(func(x *found, err error) {
		outcome.Succeed(deferred.Outcome[*found]{Value: x, Err: err})
	})
	return deferred.Chain(outcome, func(o deferred.Outcome[*found]) *deferred.Signal {
		if done := then(o.Value, o.Err); done != nil {
			return done
		}
		return deferred.Succeeded(struct{}{})
	})
}

// look finds the answer to q on the pool, and remembers it.
func (f *Files) look(l deferred.Loop, q question) *deferred.Deferred[*found] {
	q.finder = f.finder()
	if e := f.cache.get(q.key); e != nil {
		q.old = e.found
		q.old.hold()
	}
	opened := f.Open(l)
	d := deferred.Chain(opened, func(struct{}) *deferred.Deferred[*found] {
		q.src = f.src
		return deferred.Go(l, func(context.Context) (*found, error) { return q.find() })
	})
	d.Always(func() { q.old.release() })
	return deferred.Then(d, func(x *found) (*found, error) {
		// Those who wait take it in this turn, whether it stays or not.
		x.hold()
		l.CallLater(0, x.release)
		if q.src == f.src {
			f.cache.put(q.key, x, l.Now().Add(f.recheck()))
		}
		return x, nil
	})
}

func (f *Files) recheck() time.Duration {
	if f.Recheck == 0 {
		return DefaultRecheck
	}
	return f.Recheck
}

func (f *Files) indexes() []string {
	if f.Index == nil {
		return []string{"index.html", "index.htm"}
	}
	return f.Index
}

// missing answers for what is not there, or cannot be read.
func (f *Files) missing(w *web.ResponseWriter, r *web.Request, err error) *deferred.Signal {
	if e, ok := errors.AsType[*web.Error](err); !ok || e.Status != 404 {
		return deferred.Failed[struct{}](r.Loop(), err)
	}
	if name := f.Fallback; name != "" && path.Ext(r.Path()) == "" {
		return f.page(w, r, name, 200, func() *deferred.Signal { return f.notFound(w, r, err) })
	}
	return f.notFound(w, r, err)
}

func (f *Files) notFound(w *web.ResponseWriter, r *web.Request, err error) *deferred.Signal {
	if f.NotFound != nil {
		return f.NotFound.Serve(w, r)
	}
	refuse := func() *deferred.Signal {
		if errors.Is(err, fs.ErrPermission) {
			return deferred.Failed[struct{}](r.Loop(), err) // which tells the log
		}
		web.NotFound(w, r)
		return nil
	}
	if f.NotFoundPage == "" {
		return refuse()
	}
	return f.page(w, r, f.NotFoundPage, 404, refuse)
}

// page answers with a file of the site that the path does not name; without it,
// otherwise does.
func (f *Files) page(w *web.ResponseWriter, r *web.Request, name string, status int, otherwise func() *deferred.Signal) *deferred.Signal {
	key := name // no path begins without a slash
	if e := f.cache.get(key); e != nil && r.Loop().Now().Before(e.until) {
		return f.answer(w, r, e.found, status)
	}
	return f.lookThen(w, r, question{key: key, name: name}, func(x *found, err error) *deferred.Signal {
		if err != nil || x.file == nil {
			return otherwise()
		}
		return f.answer(w, r, x, status)
	})
}
