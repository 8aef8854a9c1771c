package tidy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A snippet is one fenced block of a paper. The words after its fence say what
// becomes of it:
//
//	go          a whole program: it must build
//	sh run      it is run in the repository's root and must succeed
//	sh session  cmd/twistor's tests run it, in a directory of its own
//	sh serve    it is run on another port, must serve and stop (serve_test.go)
//	sh          it is a person's to run; its ./ and go commands must exist
type snippet struct {
	paper string
	line  int
	info  string
	text  string
}

func snippets(p paper) (all []snippet) {
	var open *snippet
	for i, line := range strings.Split(p.text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &snippet{paper: p.name, line: i + 1, info: info}
		case fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return all
}

// buildSnippets builds all Go blocks at once, each as a package that only an
// overlay of the file system holds.
func buildSnippets(dir, root string, all []snippet) error {
	overlay := map[string]string{}
	args := []string{"build", "-overlay", filepath.Join(dir, "overlay.json")}
	for i, s := range all {
		on := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		if err := os.WriteFile(on, []byte(s.text), 0o644); err != nil {
			return err
		}
		name := strings.NewReplacer("/", "_", ".", "_", "-", "_").Replace(fmt.Sprintf("%s_line_%d", s.paper, s.line))
		overlay[filepath.Join(root, "docs", "snippet", name, "main.go")] = on
		args = append(args, "./docs/snippet/"+name)
	}
	b, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), b, 0o644); err != nil {
		return err
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the papers' programs do not build: %v\n%s", err, out)
	}
	return nil
}

// checkCommands: what a shell block runs in the repository must be there.
func checkCommands(root string, s snippet) (found []finding) {
	for i, line := range strings.Split(s.text, "\n") {
		words := strings.Fields(line)
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:] // NAME=VALUE before the command
		}
		if len(words) == 0 {
			continue
		}
		path := words[0]
		if len(words) > 2 && words[0] == "go" && (words[1] == "run" || words[1] == "test") {
			path = strings.TrimSuffix(words[2], "/...")
		}
		if !strings.HasPrefix(path, "./") && !strings.HasPrefix(path, "bench/") && !strings.HasPrefix(path, ".ci/") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, path)); err != nil {
			found = append(found, finding{s.paper, s.line + i + 1, path + " is not there"})
		}
	}
	return found
}

func TestSnippets(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers(tree.root)
	if err != nil {
		t.Fatal(err)
	}
	var programs []snippet
	for _, p := range all {
		for _, s := range snippets(p) {
			language, mode, _ := strings.Cut(s.info, " ")
			switch {
			case language == "go":
				programs = append(programs, s)
			case s.info == "sh run":
				cmd := exec.Command("bash", "-euo", "pipefail", "-c", s.text)
				cmd.Dir = tree.root
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s:%d: %v\n%s", s.paper, s.line, err, out)
				}
				fallthrough
			case language == "sh" && (mode == "" || mode == "serve" || mode == "session"):
				for _, f := range checkCommands(tree.root, s) {
					t.Error(f)
				}
			case language == "text" || language == "":
			default:
				t.Errorf("%s:%d: a block of %q: want go, sh, sh run, sh serve or text", s.paper, s.line, s.info)
			}
		}
	}
	if err := buildSnippets(t.TempDir(), tree.root, programs); err != nil {
		t.Error(err)
	}
}

func TestSnippetsControl(t *testing.T) {
	p := paper{"X.md", "Text.\n```go\npackage main\n```\n```sh\nA=b ./nowhere x\ngo run ./cmd/none y\ncurl z\n```\n"}
	got := snippets(p)
	if len(got) != 2 || got[0].text != "package main\n" || got[0].line != 2 || got[1].info != "sh" {
		t.Errorf("got %+v", got)
	}
	bad := snippet{paper: "X.md", line: 1, text: "package main\n\nfunc main() { missing() }\n"}
	root, _ := filepath.Abs("../..")
	if err := buildSnippets(t.TempDir(), root, []snippet{bad}); err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("got %v, want undefined: missing", err)
	}
	found := fmt.Sprint(checkCommands(t.TempDir(), got[1]))
	want := "[X.md:6: ./nowhere is not there X.md:7: ./cmd/none is not there]"
	if found != want {
		t.Errorf("got %s, want %s", found, want)
	}
}
