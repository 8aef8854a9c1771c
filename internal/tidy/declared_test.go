package tidy

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// declarations are all exported names of the tree: "framing.Lines",
// "framing.Lines.MaxLineBytes", "framing.LineTransport.SetRaw". Fields and
// methods of embedded types are those of the type that declares them.
func declarations(t *tree) map[string]bool {
	all := map[string]bool{}
	for _, p := range t.packages {
		short := path.Base(p.path)
		if p.path == "." {
			short = "twistor"
		}
		all[short] = true
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, d := range f.ast.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					name := d.Name.Name
					if d.Recv != nil {
						name = receiver(d.Recv.List[0].Type) + "." + name
					}
					all[short+"."+name] = true
				case *ast.GenDecl:
					for _, s := range d.Specs {
						switch s := s.(type) {
						case *ast.ValueSpec:
							for _, n := range s.Names {
								all[short+"."+n.Name] = true
							}
						case *ast.TypeSpec:
							all[short+"."+s.Name.Name] = true
							var members *ast.FieldList
							switch x := s.Type.(type) {
							case *ast.StructType:
								members = x.Fields
							case *ast.InterfaceType:
								members = x.Methods
							}
							if members == nil {
								continue
							}
							for _, m := range members.List {
								for _, n := range m.Names {
									all[short+"."+s.Name.Name+"."+n.Name] = true
								}
							}
						}
					}
				}
			}
		}
	}
	return all
}

func receiver(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

var code = regexp.MustCompile("`([a-z][a-z0-9]*)((?:\\.[A-Z][A-Za-z0-9]*)+)(?:\\[[A-Za-z]*\\])?(?:\\([^`]*\\))?`")

// checkDeclared: a name of ours that a paper writes as code must exist.
func checkDeclared(t *tree, p paper) (found []finding) {
	all := declarations(t)
	for i, line := range strings.Split(p.text, "\n") {
		for _, m := range code.FindAllStringSubmatch(line, -1) {
			if all[m[1]] && !all[m[1]+m[2]] {
				found = append(found, finding{p.name, i + 1, "there is no " + m[1] + m[2]})
			}
		}
	}
	return found
}

var mentioned = regexp.MustCompile(`\b([a-z][a-z0-9]*)((?:\.[A-Z][A-Za-z0-9]*)+)`)

// checkMentioned: what a comment of the code speaks of must exist, too.
func checkMentioned(t *tree) (found []finding) {
	all := declarations(t)
	for _, p := range t.packages {
		for _, f := range p.files {
			if f.test {
				continue
			}
			foreign := f.imports()
			for _, g := range f.ast.Comments {
				for _, c := range g.List {
					if strings.HasPrefix(c.Text, "//\t") {
						continue // a program of an example may have its own
					}
					for _, m := range mentioned.FindAllStringSubmatch(c.Text, -1) {
						if to := foreign[m[1]]; to != "" && !strings.HasPrefix(to, module) {
							continue // a package of the same name
						}
						if all[m[1]] && !all[m[1]+m[2]] {
							found = append(found, finding{f.name, t.line(c), "there is no " + m[1] + m[2]})
						}
					}
				}
			}
		}
	}
	return dedupe(found)
}

func TestMentioned(t *testing.T) { holds(t, checkMentioned) }

func TestMentionedControl(t *testing.T) {
	finds(t, checkMentioned, map[string]string{
		"framing/f.go": "// Package framing has framing.Lines\n// and framing.Words // want\npackage framing\n\ntype Lines struct{}\n",
	})
}

func TestDeclared(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers(tree.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, f := range checkDeclared(tree, p) {
			t.Error(f)
		}
	}
}

func TestDeclaredControl(t *testing.T) {
	tree, err := parse(map[string]string{"framing/f.go": "package framing\n\ntype Lines struct{ Max int }\n\nfunc (l *Lines) Factory() {}\n"})
	if err != nil {
		t.Fatal(err)
	}
	text := "`framing.Lines`, `framing.Lines.Max`, `framing.Lines.Factory()`, `net.Addr`\n`framing.Words`\n`framing.Lines.Min`\n"
	got := checkDeclared(tree, paper{"X.md", text})
	if len(got) != 2 || got[0].line != 2 || got[1].line != 3 {
		t.Errorf("got %v, want findings at lines 2 and 3", got)
	}
}
