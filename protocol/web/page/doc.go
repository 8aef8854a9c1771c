// Package page has templates that wait: html/template, run on a coroutine, so
// that a page may name what is not here yet. Whoever answers with HTML that comes
// of databases and other servers wants it.
//
//	<h1>{{.Title}}</h1>
//	<ul>{{range await .Posts}}<li>{{.Subject}}</li>{{end}}</ul>
//
// Posts is a *deferred.Deferred of any type. What stands before it is sent at
// once; the page waits, the loop does not; then it goes on. So all that a page
// needs is asked for at the same time, by the Handler, and awaited where it is
// shown:
//
//	templates := &page.Templates{FS: files, Layouts: []string{"layout/*.html"}}
//	handler := templates.Page("index.html", func(co *deferred.Co, r *web.Request) (any, error) {
//		return view{Title: "News", Posts: database.Posts()}, nil
//	})
//
// Everything else is html/template's: its language, and its escaping, which
// knows text, attributes, URLs, scripts and styles apart.
//
// In a template there are also: outcome, which is await for what may fail
// ({{with outcome .Posts}}{{if .Err}}...{{else}}{{range .Value}}...), flush, which
// sends what is written so far, and component, which puts in what a Component
// renders.
//
// Layouts: each page is parsed with all layouts in a set of its own, so that
// each may define "content". A page names its layout:
//
//	{{template "layout/main.html" .}}{{define "content"}}...{{end}}
//
// Errors name the template and the line. Those of the text of templates are found
// when they are loaded (Templates.Load); those of a page before anything of it was
// sent become an error page of 500 with an id, and its text stands in the log; later
// ones cut the answer, so that nobody takes a part for the whole.
//
// A Component is what templ generates: Render sends one.
//
// Limits: 16 KiB of a page are held before they are sent, and no more than the
// client takes; 1,000 files, 16 MiB of them. Templates are a program: they may run
// as long as they like, and it is their author who is trusted, not their data.
//
// Left out: XML templates with slots, as Twisted's are; there is one language.
package page
