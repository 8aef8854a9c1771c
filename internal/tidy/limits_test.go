package tidy

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A limit is a bound that the code declares: a constant called max…, or an
// exported field that a user sets, and its exported default.
type limit struct {
	name  string // "framing.Lines.MaxLineBytes"
	at    finding
	value string // as people write it: "16,384", "64 KiB", "30 s"
	text  string // what its comment says
}

// bounded are the names that declare a limit.
var (
	boundedConst = regexp.MustCompile(`^(max|Max|Default)[A-Z]`)
	boundedField = regexp.MustCompile(`^Max[A-Z]|Timeout$|^(High|Low|Max|Linger|Backlog|Workers)$|.Bytes$`)
	zeroMeans    = regexp.MustCompile(`\b0[^:.;]*: ([^;.)]+)`)
)

// together are fields whose type's comment gives their defaults in one list.
var together = map[string]string{
	"twistor.Limits.High":   "64 KiB",
	"twistor.Limits.Low":    "High/4",
	"twistor.Limits.Max":    "1 MiB",
	"twistor.Limits.Linger": "30 s",
	"service.Backoff.Max":   "60 s",
}

// limits are all that the tree declares, by name.
func limits(t *tree) (all []limit, err error) {
	info, err := t.types()
	if err != nil {
		return nil, err
	}
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
						all = append(all, constants(t, info, short, f, g, s)...)
					case *ast.TypeSpec:
						// Errors tell of limits; what is internal nobody sets.
						if s.Name.IsExported() && !strings.HasSuffix(s.Name.Name, "Error") && !match("internal/...", p.path) {
							all = append(all, fields(t, short, f, g, s)...)
						}
					}
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b limit) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func constants(t *tree, info *types.Info, short string, f *file, g *ast.GenDecl, s *ast.ValueSpec) (all []limit) {
	for _, n := range s.Names {
		c, ok := info.Defs[n].(*types.Const) // of another system: not known
		if g.Tok != token.CONST || !boundedConst.MatchString(n.Name) || n.Name == "DefaultPort" || !ok {
			continue
		}
		b, ok := c.Type().Underlying().(*types.Basic)
		if !ok || b.Info()&types.IsInteger == 0 {
			continue
		}
		v, _ := constant.Int64Val(c.Val())
		text := s.Doc.Text() + s.Comment.Text()
		if text == "" {
			text = g.Doc.Text()
		}
		at := finding{f.name, t.line(n), ""}
		all = append(all, limit{short + "." + n.Name, at, written(n.Name, v, strings.HasSuffix(c.Type().String(), "time.Duration")), says(n.Name, text)})
	}
	return all
}

func fields(t *tree, short string, f *file, g *ast.GenDecl, s *ast.TypeSpec) (all []limit) {
	x, ok := s.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range x.Fields.List {
		for _, n := range field.Names {
			if !n.IsExported() || !boundedField.MatchString(n.Name) {
				continue
			}
			l := limit{name: short + "." + s.Name.Name + "." + n.Name, at: finding{f.name, t.line(n), ""}}
			l.text = says(n.Name, field.Doc.Text()+" "+field.Comment.Text())
			about := l.text + plain(g.Doc.Text()+s.Doc.Text())
			if list := together[l.name]; list != "" && strings.Contains(about, list) {
				l.value = list
			} else if m := zeroMeans.FindStringSubmatch(l.text); m != nil {
				l.value, _, _ = strings.Cut(strings.TrimSpace(m[1]), ", then ")
			}
			if l.text == "" {
				l.text = plain(g.Doc.Text() + s.Doc.Text())
			}
			all = append(all, l)
		}
	}
	return all
}

func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// says is a comment without the name that it begins with.
func says(name, comment string) string {
	comment = plain(comment)
	for _, verb := range []string{" is ", " are ", " "} {
		if rest, ok := strings.CutPrefix(comment, name+verb); ok {
			return rest
		}
	}
	return comment
}

var ofBytes = regexp.MustCompile(`Bytes|Size|Buffered`)

// written is a number as people write it.
func written(name string, v int64, duration bool) string {
	type unit struct {
		of   int64
		name string
	}
	var units []unit
	if ofBytes.MatchString(name) {
		units = []unit{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}}
	}
	if duration {
		units = []unit{{3600e9, "h"}, {60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}}
	}
	for _, u := range units {
		if v >= 2*u.of && v%u.of == 0 || v == u.of && u.of > 1<<10 {
			return fmt.Sprintf("%d %s", v/u.of, u.name)
		}
	}
	text := fmt.Sprint(v)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

const (
	limitsPaper  = "docs/limits.md"
	limitsMarker = "<!-- What follows is written from the code: go test ./internal/tidy -run Limits -update -->"
)

// table writes what follows the marker.
func table(all []limit) string {
	var b strings.Builder
	last := ""
	for _, l := range all {
		if pkg, _, _ := strings.Cut(l.name, "."); pkg != last {
			last = pkg
			fmt.Fprintf(&b, "\n### %s\n\n| limit | default | what its comment says |\n|---|---|---|\n", pkg)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", l.name, l.value, strings.NewReplacer("|", "\\|", "<", "&lt;", "`", "").Replace(l.text))
	}
	return b.String()
}

var limitRow = regexp.MustCompile("(?m)^\\| `([a-z0-9]+\\.[^`]+)` \\| ([^|]+) \\|")

// checkLimits holds the paper's table against the code, both ways, and wants a
// default of each field that its comment gives.
func checkLimits(all []limit, p paper) (found []finding) {
	_, generated, _ := strings.Cut(p.text, limitsMarker)
	listed := map[string]string{}
	for _, m := range limitRow.FindAllStringSubmatch(generated, -1) {
		listed[m[1]] = m[2]
	}
	const again = ": run go test ./internal/tidy -run Limits -update"
	for _, l := range all {
		value, ok := listed[l.name]
		switch {
		case l.value == "":
			found = append(found, finding{l.at.file, l.at.line, l.name + ": its comment does not say what 0 means"})
		case !ok:
			found = append(found, finding{l.at.file, l.at.line, l.name + " is not in " + p.name + again})
		case value != l.value:
			found = append(found, finding{l.at.file, l.at.line, fmt.Sprintf("%s is %s, %s in %s%s", l.name, l.value, value, p.name, again)})
		}
		delete(listed, l.name)
	}
	for name := range listed {
		found = append(found, finding{p.name, 1, "the code has no limit " + name + again})
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return found
}

func TestLimits(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := limits(tree)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(tree.root, limitsPaper)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		before, _, _ := strings.Cut(string(text), limitsMarker)
		text = []byte(before + limitsMarker + "\n" + table(all))
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range checkLimits(all, paper{limitsPaper, string(text)}) {
		t.Error(f)
	}
}

func TestLimitsControl(t *testing.T) {
	tree, err := parse(map[string]string{"framing/f.go": `package framing

import "time"

const (
	maxLine    = 16 << 10
	maxUnknown = 7
	maxGap     = 2 * time.Second
	maxName    = "no number"
)

// Lines cuts.
type Lines struct {
	// MaxLineBytes is how long; 0: 64 KiB.
	MaxLineBytes int
	MaxDepth     int // 0: 1,000, then it closes
	MaxWidth     int
	Plain        bool
}
`})
	if err != nil {
		t.Fatal(err)
	}
	all, err := limits(tree)
	if err != nil {
		t.Fatal(err)
	}
	rows := table(all)
	if want := "| `framing.Lines.MaxDepth` | 1,000 | 0: 1,000, then it closes |"; !strings.Contains(rows, want) {
		t.Errorf("no %q in\n%s", want, rows)
	}
	rows = strings.NewReplacer("maxUnknown", "maxGone", "| 2 s |", "| 3 s |").Replace(rows)
	var got []string
	for _, f := range checkLimits(all, paper{"L.md", limitsMarker + rows}) {
		what, _, _ := strings.Cut(f.String(), ": run")
		got = append(got, what)
	}
	want := []string{
		"L.md:1: the code has no limit framing.maxGone",
		"framing/f.go:17: framing.Lines.MaxWidth: its comment does not say what 0 means",
		"framing/f.go:7: framing.maxUnknown is not in L.md",
		"framing/f.go:8: framing.maxGap is 2 s, 3 s in L.md",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
