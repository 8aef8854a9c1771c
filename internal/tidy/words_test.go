package tidy

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// alien are words that speak of something else than the project: a machine it
// was written on, a tracker's numbers that a reader cannot look up.
var alien = []struct {
	re  *regexp.Regexp
	why string
}{
	{regexp.MustCompile(`(^|[^A-Za-z0-9_.])/([w]ork|[f]arm|[h]ome/[a-z]+|[r]oot|[U]sers/[A-Za-z]+)/`), "a path of somebody's machine"},
	{regexp.MustCompile(`(?i)\b([i]ssue|[t]icket|[p]ull request) #?\d+`), "a number of a tracker: say what it was about"},
	{regexp.MustCompile(`(?i)\b(this [s]ession|[c]losing note|[l]anguage model|as an [A]I\b)`), "words about how it was made"},
	{regexp.MustCompile(`[p]roxy\.golang\.org|[r]egistry\.npmjs\.org|[f]iles\.pythonhosted\.org|[d]eb\.debian\.org`), "a host that happens to serve packages"},
}

// checkWords reads every text of a folder.
func checkWords(root string) (found []finding, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if d.Name() == ".git" || rel == "bench/bin" {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(rel, "go.sum") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, a := range alien {
				if w := a.re.FindString(line); w != "" {
					found = append(found, finding{rel, i + 1, strings.TrimSpace(w) + ": " + a.why})
				}
			}
		}
		return nil
	})
	return found, err
}

func TestWords(t *testing.T) {
	found, err := checkWords("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestWordsControl(t *testing.T) {
	dir := t.TempDir()
	bad := []string{"see /ho" + "me/jo/notes", "iss" + "ue #12 says", "in this ses" + "sion", "from pro" + "xy.golang.org"}
	good := "a session of FTP\nhttps://go.dev/issue\nGET /working/ HTTP/1.1\nthe issue\n"
	if err := os.WriteFile(filepath.Join(dir, "good"), []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad"), []byte(strings.Join(bad, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := checkWords(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(bad) {
		t.Errorf("got %v, want one finding for each of %d lines", found, len(bad))
	}
}
