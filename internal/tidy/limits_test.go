package tidy

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A limit is a bound that the code declares: a constant called max… or
// default…, or an exported field that a user sets.
type limit struct {
	name string // "framing.Lines.MaxLineBytes"
	file *file
	line int
	text string         // a field's comment and its type's
	val  constant.Value // a constant's; nil: a field, or not known
}

// bounded are the names that declare a limit.
var (
	boundedConst = regexp.MustCompile(`^(max|default|Max|Default)[A-Z]`)
	boundedField = regexp.MustCompile(`^Max[A-Z]|Timeout$|^(High|Low|Max|Linger|Backlog|Workers)$|.Bytes$`)
)

// limits are all that the tree declares, by name.
func limits(t *tree) (map[string]limit, error) {
	info, err := t.types()
	if err != nil {
		return nil, err
	}
	all := map[string]limit{}
	for _, p := range t.packages {
		if matchAny([]string{"internal/tidy/...", "examples/...", "docs/...", "sim/..."}, p.path) {
			continue
		}
		short := path.Base(p.path)
		if p.path == "." {
			short = "twistor"
		}
		for _, f := range p.files {
			if f.test {
				continue
			}
			for _, d := range f.ast.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, s := range g.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							if g.Tok != token.CONST || !boundedConst.MatchString(n.Name) || n.Name == "DefaultPort" {
								continue
							}
							l := limit{name: short + "." + n.Name, file: f, line: t.line(n)}
							if c, ok := info.Defs[n].(*types.Const); ok {
								if b, ok := c.Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsInteger == 0 {
									continue
								}
								l.val = c.Val()
							}
							all[l.name] = l
						}
					case *ast.TypeSpec:
						fields, ok := s.Type.(*ast.StructType)
						// Errors tell of limits; what is internal nobody sets.
						if !ok || !s.Name.IsExported() || strings.HasSuffix(s.Name.Name, "Error") || match("internal/...", p.path) {
							continue
						}
						about := g.Doc.Text() + s.Doc.Text()
						for _, field := range fields.Fields.List {
							for _, n := range field.Names {
								if n.IsExported() && boundedField.MatchString(n.Name) {
									name := short + "." + s.Name.Name + "." + n.Name
									all[name] = limit{name: name, file: f, line: t.line(n), text: about + field.Doc.Text() + field.Comment.Text()}
								}
							}
						}
					}
				}
			}
		}
	}
	return all, nil
}

var limitRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$")

// checkLimits holds the table of docs/limits.md against the code, both ways.
func checkLimits(t *tree, p paper) (found []finding, err error) {
	all, err := limits(t)
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for i, line := range strings.Split(p.text, "\n") {
		m := limitRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		name, value := m[1], strings.TrimSpace(m[2])
		l, ok := all[name]
		switch {
		case listed[name]:
			found = append(found, finding{p.name, i + 1, name + " is listed twice"})
		case !ok:
			found = append(found, finding{p.name, i + 1, "the code has no limit " + name})
		case l.val != nil:
			if n, ok := quantity(value); !ok || !constant.Compare(l.val, token.EQL, constant.MakeInt64(n)) {
				found = append(found, finding{p.name, i + 1, fmt.Sprintf("%s is %s in the code, %s here", name, l.val, value)})
			}
		case l.text != "" && !strings.Contains(plain(l.text), plain(value)):
			found = append(found, finding{p.name, i + 1, fmt.Sprintf("%s: the comment at %s:%d does not say %q", name, l.file.name, l.line, value)})
		}
		listed[name] = true
	}
	for name, l := range all {
		if !listed[name] {
			value := ""
			if l.val != nil {
				value = l.val.String()
			}
			found = append(found, finding{l.file.name, l.line, fmt.Sprintf("%s (%s) is not in %s", name, value, p.name)})
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

func plain(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, ",", "")), " ")
}

// quantity is a number as people write it: "16,384", "64 KiB", "30 s", the
// latter in nanoseconds as a time.Duration.
func quantity(s string) (int64, bool) {
	number, unit, _ := strings.Cut(strings.ReplaceAll(s, ",", ""), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	units := map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9}
	factor, ok := units[unit]
	return n * factor, err == nil && ok
}

func TestLimits(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers(tree.root)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(p paper) bool { return p.name == "docs/limits.md" })
	if i < 0 {
		t.Fatal("no docs/limits.md")
	}
	found, err := checkLimits(tree, all[i])
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestLimitsControl(t *testing.T) {
	tree, err := parse(map[string]string{"framing/f.go": `package framing

import "time"

const (
	maxLine    = 16 << 10
	maxUnknown = 7
	defaultGap = 2 * time.Second
	maxName    = "no number"
)

// Lines cuts. Zero: 64 KiB.
type Lines struct {
	MaxLineBytes int
	MaxDepth     int // 0: 1,000
	Plain        bool
}
`})
	if err != nil {
		t.Fatal(err)
	}
	p := paper{"docs/limits.md", "| `framing.maxLine` | 16 KiB | refuses |\n| `framing.Lines.MaxLineBytes` | 64 KiB | closes |\n" +
		"| `framing.Lines.MaxDepth` | 500 | closes |\n| `framing.gone` | 1 | closes |\n| `framing.defaultGap` | 3 s | waits |\n"}
	found, err := checkLimits(tree, p)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(found)
	want := "[docs/limits.md:3: framing.Lines.MaxDepth: the comment at framing/f.go:15 does not say \"500\" " +
		"docs/limits.md:4: the code has no limit framing.gone " +
		"docs/limits.md:5: framing.defaultGap is 2000000000 in the code, 3 s here " +
		"framing/f.go:7: framing.maxUnknown (7) is not in docs/limits.md]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
