package tidy

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A paper is one Markdown file of the repository.
type paper struct {
	name string
	text string
}

// papers are all of a folder, test data left out.
func papers(root string) (all []paper, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			text, err := os.ReadFile(name)
			rel, _ := filepath.Rel(root, name)
			all = append(all, paper{filepath.ToSlash(rel), string(text)})
			return err
		}
		return nil
	})
	return all, err
}

// checkMentions: a paper names each top-level package and each of the others
// that wants to be found.
func checkMentions(t *tree, p paper) (found []finding) {
	for _, want := range topLevel(t) {
		if !strings.Contains(p.text, want+"/") && !strings.Contains(p.text, "`"+want+"`") {
			found = append(found, finding{p.name, 1, "says nothing of package " + want})
		}
	}
	return found
}

func topLevel(t *tree) (names []string) {
	for _, p := range t.packages {
		name, _, _ := strings.Cut(p.path, "/")
		if name != "." && name != "internal" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// named is a test, an example or a fuzz target that a paper speaks of. A name
// that ends in "…" or "*" stands for all that begin with it.
var named = regexp.MustCompile(`\b(Test|Fuzz|Example|Benchmark)[A-Z_][A-Za-z0-9_]*[…*]?`)

// checkNamedTests: a test that a paper calls a proof must exist.
func checkNamedTests(t *tree, p paper) (found []finding) {
	tests := map[string]bool{}
	for _, pkg := range t.packages {
		for _, f := range pkg.files {
			for _, d := range f.ast.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
					tests[fn.Name.Name] = true
				}
			}
		}
	}
	for i, line := range strings.Split(p.text, "\n") {
		for _, name := range named.FindAllString(line, -1) {
			prefix, all := strings.CutSuffix(strings.TrimSuffix(name, "*"), "…")
			all = all || strings.HasSuffix(name, "*")
			ok := tests[name]
			for test := range tests {
				ok = ok || all && strings.HasPrefix(test, prefix)
			}
			if !ok {
				found = append(found, finding{p.name, i + 1, "there is no test " + name})
			}
		}
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// checkLinks: what a paper links to in the repository must be there.
func checkLinks(root string, p paper) (found []finding) {
	code := false
	for i, line := range strings.Split(p.text, "\n") {
		if strings.HasPrefix(line, "```") {
			code = !code // where f[T](x) is a call
		}
		if code {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(line, -1) {
			if strings.Contains(m[1], ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(p.name), m[1])); err != nil {
				found = append(found, finding{p.name, i + 1, "links to " + m[1] + ", which is not there"})
			}
		}
	}
	return found
}

func TestPapers(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers(tree.root)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "STYLE.md", "SECURITY.md", "docs/limits.md", "docs/coming-from-twisted.md"} {
		i := slices.IndexFunc(all, func(p paper) bool { return p.name == want })
		if i < 0 {
			t.Errorf("no %s", want)
			continue
		}
		if slices.Contains([]string{"README.md", "ARCHITECTURE.md", "CHANGELOG.md"}, want) {
			for _, f := range checkMentions(tree, all[i]) {
				t.Error(f)
			}
		}
	}
	for _, p := range all {
		for _, f := range append(checkNamedTests(tree, p), checkLinks(tree.root, p)...) {
			t.Error(f)
		}
	}
}

func TestPapersControl(t *testing.T) {
	tree, err := parse(map[string]string{
		"framing/f.go":      "package framing\n",
		"framing/f_test.go": "package framing\n\nfunc TestB01Lines() {}\n",
		"policy/p.go":       "package policy\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := paper{"X.md", "`framing` is proved by TestB01Lines and TestB0…,\nnot by TestB02Lines nor FuzzC…. [Here](there.md), [and](https://example.com/)."}
	got := fmt.Sprint(checkMentions(tree, p), checkNamedTests(tree, p), checkLinks(t.TempDir(), p))
	want := "[X.md:1: says nothing of package policy] " +
		"[X.md:2: there is no test TestB02Lines X.md:2: there is no test FuzzC…] " +
		"[X.md:2: links to there.md, which is not there]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
