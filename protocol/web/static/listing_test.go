package static_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web/static"
)

// V25.
func TestV25Listing(t *testing.T) {
	dir := tree(t, map[string]string{
		"b.txt": "12345", "a.html": "x", "sub/x": "x", "<script>.png": "x", "a:b": "x", "with space?#%": "x", ".hidden": "x", "site/index.html": "page",
		"rtl\u202egnp.exe": "x",
	})
	outside := tree(t, map[string]string{"canary": "x"})
	link(t, "b.txt", filepath.Join(dir, "inside"))
	link(t, filepath.Join(outside, "canary"), filepath.Join(dir, "outside"))
	addr := serve(t, &static.Files{Dir: dir, List: true})
	a := ask(t, addr, "GET", "/")
	a.status(t, "a listing", 200)
	a.field(t, "Content-Type", "text/html; charset=utf-8")
	a.field(t, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	for _, want := range []string{
		`<a href="./sub/">sub/</a><td><td>directory`, `<a href="./b.txt">b.txt</a><td>5 B<td>text/plain<td>20`, `<a href="./%3Cscript%3E.png">&lt;script&gt;.png</a>`,
		`<a href="./a:b">a:b</a>`, `<a href="./with%20space%3F%23%25">with space?#%</a>`, `<a href="./inside">inside</a>`, "rtl?gnp.exe",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in\n%s", want, a.body)
		}
	}
	for _, never := range []string{"hidden", "outside", "<script>", "../", "\u202e"} {
		if strings.Contains(a.body, never) {
			t.Errorf("%q is in\n%s", never, a.body)
		}
	}
	if i, j := strings.Index(a.body, "site/"), strings.Index(a.body, "a.html"); i > j {
		t.Error("directories come first")
	}
	if i, j := strings.Index(a.body, "a.html"), strings.Index(a.body, "b.txt"); i > j {
		t.Error("names are sorted")
	}
	sub := ask(t, addr, "GET", "/sub/")
	if !strings.Contains(sub.body, `<a href="../">`) {
		t.Errorf("no way up in\n%s", sub.body)
	}
	ask(t, addr, "GET", "/site/").want(t, "an index comes before the listing", 200, "page")
	// Each link leads to what it names.
	for _, target := range []string{"/%3Cscript%3E.png", "/a:b", "/with%20space%3F%23%25", "/inside", "/rtl%E2%80%AEgnp.exe"} {
		ask(t, addr, "GET", target).status(t, target, 200)
	}
	closed := serve(t, &static.Files{Dir: dir})
	ask(t, closed, "GET", "/").status(t, "without List there is nothing", 404)
}

func TestV25LargeListing(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 10,001 files")
	}
	dir := t.TempDir()
	for i := range 10_001 {
		f, err := os.Create(filepath.Join(dir, strings.Repeat("n", 20)+string(rune('a'+i%26))+strings.Repeat("x", i/26%200)+string(rune('a'+i/5200))))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	addr := serve(t, &static.Files{Dir: dir, List: true})
	a := ask(t, addr, "GET", "/")
	if got := strings.Count(a.body, "<tr><td>"); got != 10_000 {
		t.Errorf("got %d names, want 10,000", got)
	}
	if !strings.Contains(a.body, "Only 10000 names are shown") {
		t.Error("the page does not say that there are more")
	}
}

func link(t testing.TB, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("no symbolic links:", err)
		}
		t.Fatal(err)
	}
}
