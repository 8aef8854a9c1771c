package tidy

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// checkPackageDocs: each package is documented once, in doc.go, within a
// screen. A command's main file and a package of one file are their own
// doc.go.
func checkPackageDocs(t *tree) (found []finding) {
	const most = 60
	for _, p := range t.packages {
		var documented []*file
		sources := 0
		for _, f := range p.files {
			if f.test {
				continue
			}
			sources++
			if f.ast.Doc != nil {
				documented = append(documented, f)
			}
		}
		if sources == 0 {
			continue
		}
		if len(documented) == 0 {
			found = append(found, finding{p.files[0].name, 1, "package " + p.path + " has no package comment"})
			continue
		}
		for _, f := range documented[1:] {
			found = append(found, finding{f.name, t.line(f.ast.Doc), "a second package comment of " + p.path})
		}
		f := documented[0]
		if path.Base(f.name) != "doc.go" && f.ast.Name.Name != "main" && sources > 1 {
			found = append(found, finding{f.name, t.line(f.ast.Doc), "the package comment of " + p.path + " belongs into doc.go"})
		}
		if n := t.fset.Position(f.ast.Doc.End()).Line - t.line(f.ast.Doc) + 1; n > most {
			found = append(found, finding{f.name, t.line(f.ast.Doc), fmt.Sprintf("a package comment of %d lines, want at most %d", n, most)})
		}
		if name := f.ast.Name.Name; name != "main" && !strings.HasPrefix(f.ast.Doc.Text(), "Package "+name+" ") {
			found = append(found, finding{f.name, t.line(f.ast.Doc), "a package comment begins with Package " + name})
		}
	}
	return found
}

// implements are methods whose contract stands at the interface: the events
// and calls of the nouns, and the standard library's.
var implements = strings.Fields(`
	Connected Received Disconnected Build Opened Closed ReadClosed Drained Secured Dismissed Refused FileReceived
	Bound PacketReceived Unbound Spawned OutputReceived OutputClosed Exited Ended Readable Writable
	LineReceived MessageReceived RawReceived
	Write SendFile Close CloseWrite Abort Pause Resume Full Buffered SetLimits StartTLS TLS Switch LocalAddr RemoteAddr Loop Unwrap LogValue
	SetNoDelay SetKeepAlive WriteFiles Addr Send Join Leave SetMulticast
	Now CallLater Post Work Report Core Listen ListenPacket Dial Resolve Siblings FS Rand Log Spawn Watch Stop Reset When
	OpenFile Stat ReadDir Mkdir Rename Remove SyncDir Sync Truncate Name Size Mode ModTime IsDir Sys Type Info
	Read ReadAt ReadFrom WriteTo WriteAt WriteString Seek Error String GoString Is As Timeout Temporary
	MarshalText UnmarshalText MarshalJSON UnmarshalJSON Len Less Swap Push Pop Network
	SetDeadline SetReadDeadline SetWriteDeadline Accept Handle Enabled WithAttrs WithGroup Set IsBoolFlag Wait Wake`)

// checkComments: what is exported says what it is for. A declaration that its
// neighbour's comment names needs none of its own.
func checkComments(t *tree) (found []finding) {
	for _, p := range t.packages {
		if match("examples/...", p.path) || match("docs/...", p.path) {
			continue
		}
		for _, f := range p.files {
			if f.test || f.ast.Name.Name == "main" {
				continue
			}
			before := "" // the comment of the declaration before
			for _, d := range f.ast.Decls {
				doc := docOf(d)
				for name, at := range undocumented(d) {
					if !strings.Contains(before, name) {
						found = append(found, finding{f.name, t.line(at), name + " is exported and has no comment"})
					}
				}
				if doc != "" {
					before = doc
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func docOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc.Text()
	case *ast.GenDecl:
		return d.Doc.Text()
	}
	return ""
}

// undocumented are the exported names of d without a comment of their own.
func undocumented(d ast.Decl) map[string]ast.Node {
	names := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && !(d.Recv != nil && (slices.Contains(implements, d.Name.Name) || !exportedReceiver(d.Recv))) {
			names[d.Name.Name] = d
		}
	case *ast.GenDecl:
		if d.Doc != nil || enumerates(d) {
			return nil
		}
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && !commentInside(s) {
					names[s.Name.Name] = s
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && s.Doc == nil && s.Comment == nil {
						names[n.Name] = n
					}
				}
			}
		}
	}
	return names
}

// enumerates says whether d is the values of a type, which the type's comment
// explains.
func enumerates(d *ast.GenDecl) bool {
	first, ok := d.Specs[0].(*ast.ValueSpec)
	if !ok || d.Tok != token.CONST {
		return false
	}
	_, named := first.Type.(*ast.Ident)
	return named && ast.IsExported(first.Type.(*ast.Ident).Name)
}

// commentInside accepts a type whose every field or method speaks for it.
func commentInside(s *ast.TypeSpec) bool {
	i, ok := s.Type.(*ast.InterfaceType)
	if !ok {
		return false
	}
	for _, m := range i.Methods.List {
		if m.Doc == nil && m.Comment == nil {
			return false
		}
	}
	return len(i.Methods.List) > 0
}

func exportedReceiver(recv *ast.FieldList) bool {
	t := recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func TestPackageDocs(t *testing.T) { holds(t, checkPackageDocs) }
func TestComments(t *testing.T)    { holds(t, checkComments) }

func TestPackageDocsControl(t *testing.T) {
	finds(t, checkPackageDocs, map[string]string{
		"a/doc.go": "// Package a is well.\npackage a\n",
		"a/a.go":   "package a\n",
		"b/b.go":   "package b // want\n",
		"c/doc.go": "// Package c is well.\npackage c\n",
		"c/x.go":   "// Package c is said twice. // want\npackage c\n",
		"d/d.go":   "// Package d is in the wrong file. // want\npackage d\n",
		"d/e.go":   "package d\n",
		"e/doc.go": "// This says nothing of its name. // want\npackage e\n",
		"f/doc.go": "// Package f talks. // want\n" + strings.Repeat("//\n", 60) + "package f\n",
	})
}

func TestCommentsControl(t *testing.T) {
	finds(t, checkComments, map[string]string{"a/a.go": `package a

func Bare() {} // want

// Listen and Dial are a pair.
func Listen() {}

func Dial() {}

type Silent struct { // want
}

// Said is said.
type Said struct{}

func (Said) Error() string { return "" }

func (Said) Unsaid() {} // want

type hidden struct{}

func (hidden) Fine() {}

var Loud = 1 // this is said

const (
	A = 1 // one
	B = 2 + // want
		0
)
`})
}
