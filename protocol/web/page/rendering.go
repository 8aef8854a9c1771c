package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	// pieceBytes is how much of a page is written at a time.
	pieceBytes = 16 << 10
	// turnBytes is after how much of a page others have their turn.
	turnBytes = 64 << 10
)

// Page is a Handler that answers with the page name. data is what it shows: it
// is called for each request, may wait, and does not for what the page awaits;
// nil: nothing. Its failure becomes the answer, as one of web.Inline does.
func (t *Templates) Page(name string, data func(co *deferred.Co, r *web.Request) (any, error)) web.Handler {
	return web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		var v any
		if data != nil {
			var err error
			if v, err = data(co, r); err != nil {
				return err
			}
		}
		return t.Render(co, w, name, v)
	})
}

// Render writes the page name with data. It waits where the page does and where
// the client reads slowly. The Content-Type is HTML's, if w has none. Give
// its error to the Server, as web.Inline does: it names the template and the line.
//
// If it fails, because the client left or for another reason, the Deferreds that
// stand in data itself, in fields that are exported or in a map, are cancelled: the page will not
// come to them. Shield what others wait for, too.
func (t *Templates) Render(co *deferred.Co, w *web.ResponseWriter, name string, data any) (err error) {
	defer func() {
		if err != nil {
			cancelIn(data)
		}
	}()
	if t.pages == nil || t.Reload {
		if _, err := t.Load(co.Loop()).Await(co); err != nil {
			return err
		}
	}
	page := t.pages[name]
	if page == nil {
		return fmt.Errorf("page: no page %q among those that are loaded", name)
	}
	html(w)
	x := &rendering{t: t, co: co, out: output{co: co, w: w}}
	x.out.wait = x.wait
	return x.run(func() error { return page.Execute(&x.out, data) })
}

// html says what the answer is, unless somebody has.
func html(w *web.ResponseWriter) {
	if !w.Header().Has("Content-Type") {
		w.SetHeader("Content-Type", "text/html; charset=utf-8")
	}
}

// A rendering is one page under way. The functions of templates are bound when
// those are parsed, so they learn by Templates.current for whom they are called: on
// a loop one coroutine runs at a time, and what it runs changes only where it
// waits.
type rendering struct {
	t     *Templates
	co    *deferred.Co
	out   output
	outer *rendering // the one that ran when this one began or went on
}

// run has x be the current one while f runs.
func (x *rendering) run(f func() error) error {
	x.enter()
	defer x.leave()
	if err := f(); err != nil {
		return err
	}
	return x.out.finish()
}

func (x *rendering) enter() { x.outer, x.t.current = x.t.current, x }
func (x *rendering) leave() { x.outer, x.t.current = nil, x.outer }

// wait runs f, which may wait, while others may render.
func (x *rendering) wait(f func() error) error {
	x.leave()
	defer x.enter()
	return f()
}

var errNotRendering = errors.New("page: await is for pages that Templates.Render writes")

// funcs are the functions of the templates.
func (t *Templates) funcs() template.FuncMap {
	all := template.FuncMap{
		"await":     t.await,
		"outcome":   t.outcome,
		"flush":     t.flush,
		"component": t.component,
	}
	maps.Copy(all, t.Funcs)
	return all
}

// await is the value of v, if v is a Deferred; else v.
func (t *Templates) await(v any) (any, error) {
	x := t.current
	if x == nil {
		return nil, errNotRendering
	}
	p, ok := promised(v)
	if !ok {
		return v, nil
	}
	value, err, fired := p.result()
	if fired {
		return value, err
	}
	// What is ready goes first.
	if err := x.out.flush(); err != nil {
		return nil, err
	}
	err = x.wait(func() (err error) {
		value, err = p.await(x.co)
		return err
	})
	return value, err
}

// outcome is await for what may fail. That the client has left it does not hide.
func (t *Templates) outcome(v any) (deferred.Outcome[any], error) {
	value, err := t.await(v)
	if x := t.current; err != nil && (x == nil || x.co.Err() != nil || x.out.err != nil) {
		return deferred.Outcome[any]{}, err
	}
	return deferred.Outcome[any]{Value: value, Err: err}, nil
}

// flush sends what is written so far.
func (t *Templates) flush() (string, error) {
	x := t.current
	if x == nil {
		return "", errNotRendering
	}
	return "", x.out.flush()
}

// component is what c renders; it is trusted to escape.
func (t *Templates) component(c Component) (template.HTML, error) {
	if c == nil {
		return "", nil
	}
	var b bytes.Buffer
	err := c.Render(context.Background(), &b)
	return template.HTML(b.String()), err
}
