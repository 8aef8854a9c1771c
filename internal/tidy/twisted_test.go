package tidy

import (
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tests that show each row into docs/coming-from-twisted.md")

// A shown is a test and the text in which it names the rows that it shows: its
// name, its comment and its body.
type shown struct{ name, text string }

func showing(t *tree) (all []shown) {
	test := regexp.MustCompile(`^(Test|Fuzz|Example)`)
	for _, p := range t.packages {
		if match("internal/tidy/...", p.path) {
			continue
		}
		for _, f := range p.files {
			for _, d := range f.ast.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || !f.test || !test.MatchString(fn.Name.Name) {
					continue
				}
				from, to := fn.Pos(), fn.End()
				if fn.Doc != nil {
					from = fn.Doc.Pos()
				}
				all = append(all, shown{fn.Name.Name, f.src[t.fset.Position(from).Offset:t.fset.Position(to).Offset]})
			}
		}
	}
	return all
}

// names says whether text names a row: R05, but neither TR05 nor R050.
func names(text, id string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return false
		}
		at += i
		before, after := byte(' '), byte(' ')
		if at > 0 {
			before = text[at-1]
		}
		if at+len(id) < len(text) {
			after = text[at+len(id)]
		}
		if !(before >= 'A' && before <= 'Z') && !(before >= '0' && before <= '9') && !(after >= '0' && after <= '9') {
			return true
		}
		at += len(id)
	}
}

// rowIn is names for prose: the row is a word, not the beginning of one, as it may
// be in data.
func rowIn(text, id string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return false
		}
		i += at
		at = i + len(id)
		if (i == 0 || !alphanumeric(text[i-1])) && (at == len(text) || !alphanumeric(text[at])) {
			return true
		}
	}
}

func alphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// showsOf are up to two tests that name a row, those first whose own name does.
func showsOf(all []shown, id string) string {
	var byName, byText []string
	for _, s := range all {
		if names(s.name, id) {
			byName = append(byName, s.name)
		} else if rowIn(s.text, id) {
			byText = append(byText, s.name)
		}
	}
	slices.Sort(byName)
	slices.Sort(byText)
	found := slices.Compact(append(byName, byText...))
	if len(found) == 0 {
		return "—"
	}
	return strings.Join(found[:min(2, len(found))], ", ")
}

var twistedRow = regexp.MustCompile(`^(\| ([A-Z]+[0-9]+) \| .* \|) ([^|]*) \|$`)

// checkTwisted: a test that a row calls its proof must name the row; a row
// without one must not have any.
func checkTwisted(t *tree, p paper) (found []finding) {
	all := showing(t)
	for i, line := range strings.Split(p.text, "\n") {
		m := twistedRow.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		id, shows := m[2], m[3]
		if shows == "—" {
			if by := showsOf(all, id); by != "—" {
				found = append(found, finding{p.name, i + 1, fmt.Sprintf("%s is shown by %s: run go test ./internal/tidy -run Twisted -update", id, by)})
			}
			continue
		}
		for _, name := range strings.Split(shows, ", ") {
			if !slices.ContainsFunc(all, func(s shown) bool { return s.name == name && (names(s.name, id) || rowIn(s.text, id)) }) {
				found = append(found, finding{p.name, i + 1, fmt.Sprintf("%s does not name %s: run go test ./internal/tidy -run Twisted -update", name, id)})
			}
		}
	}
	return found
}

func TestTwisted(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	const name = "docs/coming-from-twisted.md"
	file := filepath.Join(tree.root, name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		all := showing(tree)
		lines := strings.Split(string(text), "\n")
		for i, line := range lines {
			if m := twistedRow.FindStringSubmatch(line); m != nil {
				lines[i] = m[1] + " " + showsOf(all, m[2]) + " |"
			}
		}
		text = []byte(strings.Join(lines, "\n"))
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range checkTwisted(tree, paper{name, string(text)}) {
		t.Error(f)
	}
}

func TestTwistedControl(t *testing.T) {
	tree, err := parse(map[string]string{"framing/f_test.go": `package framing

func TestB01Lines() {}

// B02: raw and back.
func TestModes() {
	// also B03
}
`})
	if err != nil {
		t.Fatal(err)
	}
	p := paper{"T.md", `
| B01 | a | b | TestB01Lines |
| B02 | a | b | TestModes |
| B03 | a | b | — |
| B04 | a | b | TestModes |
| B05 | a | b | — |
`}
	got := checkTwisted(tree, p)
	if len(got) != 2 || got[0].line != 4 || got[1].line != 5 {
		t.Errorf("got %v, want findings at lines 4 and 5", got)
	}
	if names("TestTR05x", "R05") || names("R051", "R05") || !names("TestR05x", "R05") {
		t.Error("a row's name is mistaken for another's")
	}
}
