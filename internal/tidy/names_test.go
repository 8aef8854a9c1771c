package tidy

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

// vague are words that say nothing about what a package holds.
var vague = strings.Fields("util utils common helper helpers manager handler engine processor base impl data info misc types src pkg")

// checkNames: a package is one lower-case noun.
func checkNames(t *tree) (found []finding) {
	noun := regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	for _, p := range t.packages {
		for _, f := range p.files {
			name := strings.TrimSuffix(f.ast.Name.Name, "_test")
			if !noun.MatchString(name) {
				found = append(found, finding{f.name, t.line(f.ast.Name), "package " + name + ": want lower-case letters and digits"})
			}
			for _, w := range append([]string{name}, strings.Split(p.path, "/")...) {
				for _, v := range vague {
					if w == v {
						found = append(found, finding{f.name, t.line(f.ast.Name), "the word " + v + " says nothing about the package"})
					}
				}
			}
		}
	}
	return dedupe(found)
}

func dedupe(found []finding) (out []finding) {
	seen := map[string]bool{}
	for _, f := range found {
		if at := f.String(); !seen[at] {
			seen[at] = true
			out = append(out, f)
		}
	}
	return out
}

// unfinished are marks of work that somebody meant to do later.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)

func checkUnfinished(t *tree) (found []finding) {
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, g := range f.ast.Comments {
				for _, c := range g.List {
					if w := unfinished.FindString(c.Text); w != "" {
						found = append(found, finding{f.name, t.line(c), w + " is left behind: finish it, or say what is not done"})
					}
				}
			}
		}
	}
	return found
}

// checkCo: a coroutine's Co is its own. A function that runs elsewhere, on the
// pool or on another goroutine, may not use it; the compiler cannot see that.
func checkCo(t *tree) (found []finding) {
	t.nodes(func(*pkg, *file) bool { return true }, func(p *pkg, f *file, n ast.Node) {
		var body *ast.FuncLit
		where := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			body, _ = n.Call.Fun.(*ast.FuncLit)
			where = "another goroutine"
		case *ast.CallExpr:
			fun := n.Fun
			if index, ok := fun.(*ast.IndexExpr); ok { // deferred.Go[int](...)
				fun = index.X
			}
			sel, ok := fun.(*ast.SelectorExpr)
			if !ok || len(n.Args) == 0 {
				return
			}
			switch sel.Sel.Name {
			case "Go", "Work":
				where = "the pool"
			case "Post", "CallLater":
				where = "the loop, outside its coroutine"
			default:
				return
			}
			body, _ = n.Args[len(n.Args)-1].(*ast.FuncLit)
		}
		if body == nil {
			return
		}
		ast.Inspect(body.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Loop" {
					return false // co.Loop() only asks for the loop
				}
			}
			if id, ok := n.(*ast.Ident); ok && isCo(id) && (id.Obj.Pos() < body.Pos() || id.Obj.Pos() > body.End()) {
				found = append(found, finding{f.name, t.line(id), id.Name + " is used on " + where})
			}
			return true
		})
	})
	return dedupe(found)
}

// isCo says whether id is a parameter of type *deferred.Co.
func isCo(id *ast.Ident) bool {
	if id.Obj == nil {
		return false
	}
	field, ok := id.Obj.Decl.(*ast.Field)
	if !ok {
		return false
	}
	star, ok := field.Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	switch x := star.X.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == "Co"
	case *ast.Ident:
		return x.Name == "Co"
	}
	return false
}

func TestNames(t *testing.T)      { holds(t, checkNames) }
func TestUnfinished(t *testing.T) { holds(t, checkUnfinished) }
func TestCo(t *testing.T)         { holds(t, checkCo) }

func TestNamesControl(t *testing.T) {
	finds(t, checkNames, map[string]string{
		"framing/f.go": "package framing\n",
		"util/u.go":    "package util // want\n",
		"web/x.go":     "package web_server // want\n",
	})
}

func TestUnfinishedControl(t *testing.T) {
	finds(t, checkUnfinished, map[string]string{
		"a/a.go": "package a\n\n// TO" + "DO: think. // want\nvar todo = 1 // a to-do list's length\n",
	})
}

func TestCoControl(t *testing.T) {
	finds(t, checkCo, map[string]string{"a/a.go": `package a

import "` + module + `/deferred"

func f(co *deferred.Co, l deferred.Loop) {
	deferred.Go(l, func() {
		co.Sleep(1) // want
	})
	deferred.Go[int](l, func() {
		deferred.Inline(l, func(co *deferred.Co) { co.Sleep(1) })
	})
	go func() {
		_ = co // want
	}()
	l.Post(func() { co.Yield() }) // want
	deferred.Inline(co.Loop(), func(co *deferred.Co) { co.Sleep(1) })
	co.Sleep(1)
}
`})
}
