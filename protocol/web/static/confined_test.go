//go:build unix

package static_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor/protocol/web/static"
)

// H1-21. Nothing outside of the directory is read, whatever the path says; and
// what is no regular file is not there.
func TestH1_21Confined(t *testing.T) {
	above := tree(t, map[string]string{"x": "canary", "secret/y": "canary", "static2/z": "canary"})
	dir := filepath.Join(above, "static")
	put(t, filepath.Join(dir, "a"), "inside")
	put(t, filepath.Join(dir, "sub/b"), "inside")
	put(t, filepath.Join(dir, "a.txt"), "inside")
	link(t, "../x", filepath.Join(dir, "out"))
	link(t, filepath.Join(above, "x"), filepath.Join(dir, "absolute"))
	link(t, "../secret", filepath.Join(dir, "outdir"))
	link(t, "sub/../../x", filepath.Join(dir, "around"))
	link(t, "..", filepath.Join(dir, "sub/up"))
	link(t, "a", filepath.Join(dir, "in"))
	link(t, "loop", filepath.Join(dir, "loop"))
	link(t, "/dev/zero", filepath.Join(dir, "zero"))
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := serve(t, &static.Files{Dir: dir, List: true})
	targets := []string{
		"/../x", "/%2e%2e/x", "/..%2fx", "/%2e%2e%2fx", "/.%2e/x", "/%5c..%5cx", "/..%5cx", "/sub/../../x", "/sub/%2e%2e/a", "//x", "//a", "/sub//b", "/a%00.txt", "/%00",
		"/static../x", "/static/../x", "/a/.", "/./a", "/a/", "/out", "/out/", "/absolute", "/absolute/", "/outdir", "/outdir/", "/outdir/y", "/around", "/around/", "/loop", "/zero",
		"/sub/up/../x", "/sub/up/up/x", "/fifo", "/fifo/", "/dev/zero", "/proc/self/mem", "/etc/passwd", "/../static2/z", "/..;/x", "/" + strings.Repeat("a", 300), "/" + strings.Repeat("a/", 2000),
		"/" + strings.Repeat("../", 100) + "etc/passwd", "/%2e%2e", "/%2e", "/..", "/.", "/sub/..", "/...%2f..%2f..%2fx", "/%252e%252e/x", "/..%c0%afx", "/%ff",
	}
	dots := serve(t, &static.Files{Dir: dir, List: true, DotFiles: true})
	for i, target := range append(targets, targets...) {
		at := addr
		if i >= len(targets) {
			at = dots // where a name may begin with a dot
		}
		a := ask(t, at, "GET", target)
		if a.StatusCode != 404 || strings.Contains(a.body, "canary") || strings.Contains(a.body, "inside") || strings.Contains(a.body, above) {
			t.Errorf("%.60s: got %d %.100q, want 404", target, a.StatusCode, a.body)
		}
	}
	for _, target := range []string{"/a", "/in", "/sub/b", "/sub/up/a", "/a.txt", "/sub/up/sub/b"} {
		ask(t, addr, "GET", target).want(t, "control: "+target, 200, "inside")
	}
	strict := serve(t, &static.Files{Dir: dir, RefuseLinks: true})
	for _, target := range []string{"/in", "/sub/up/a"} {
		ask(t, strict, "GET", target).status(t, "no links: "+target, 404)
	}
	ask(t, strict, "GET", "/sub/b").want(t, "control", 200, "inside")
}

// H1-21: a directory that cannot be read is not there.
func TestH1_21Unreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := tree(t, map[string]string{"closed/a": "x"})
	os.Chmod(filepath.Join(dir, "closed"), 0)
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "closed"), 0o755) })
	addr := serve(t, &static.Files{Dir: dir, List: true})
	for _, target := range []string{"/closed/a", "/closed/"} {
		ask(t, addr, "GET", target).status(t, target, 404)
	}
}

// P14. Trees of directories, files and links are made at random, and another
// goroutine exchanges names for links to the outside as fast as it can, while paths
// at random are asked for. What lies outside is never read.
func TestP14RacingRenames(t *testing.T) {
	rounds, asks := 4, 150
	if testing.Short() {
		rounds = 2
	}
	inside := 0
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round), 14))
		above := tree(t, map[string]string{"canary": "CANARY", "deep/canary": "CANARY"})
		dir := filepath.Join(above, "root")
		names := []string{"a", "b", "c", "canary", "deep"}
		outs := []string{"../canary", "../deep", "..", "../..", filepath.Join(above, "deep"), filepath.Join(above, "canary"), "../../canary", "a/../../canary", "/"}
		put(t, filepath.Join(dir, "kept"), "inside")
		// The test itself must not follow what leads out.
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		var places []string
		for range 30 {
			p := names[r.IntN(len(names))]
			for range r.IntN(3) {
				p = path.Join(p, names[r.IntN(len(names))])
			}
			places = append(places, p)
			root.MkdirAll(path.Dir(p), 0o755)
			if r.IntN(3) == 0 {
				root.Symlink(outs[r.IntN(len(outs))], p)
			} else {
				root.WriteFile(p, []byte("inside"), 0o644)
			}
		}
		addr := serve(t, &static.Files{Dir: dir, List: true, Recheck: -1})
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			r := rand.New(rand.NewPCG(uint64(round), 15))
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				p, aside := places[r.IntN(len(places))], fmt.Sprint("aside", i%100)
				root.Remove(aside)
				root.RemoveAll(aside + ".old")
				root.Symlink(outs[r.IntN(len(outs))], aside)
				root.Rename(p, aside+".old")
				root.Rename(aside, p)
				if r.IntN(2) == 0 {
					root.Remove(p)
					root.Rename(aside+".old", p)
				}
			}
		}()
		names = append(names, "kept", "")
		for i := range asks {
			target := ""
			for range r.IntN(4) + 1 {
				target += "/" + names[r.IntN(len(names))]
			}
			target += []string{"", "/"}[r.IntN(2)]
			if i%10 == 0 {
				target = "/kept"
			}
			resp, err := http.Get("http://" + addr + target)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if bytes.Contains(body, []byte("CANARY")) || resp.StatusCode >= 500 {
				t.Errorf("round %d: %s: got %d %.60q", round, target, resp.StatusCode, body)
			}
			if string(body) == "inside" {
				inside++
			}
		}
		close(stop)
		<-stopped
		root.Close()
		for _, name := range []string{"canary", "deep/canary"} {
			if text, err := os.ReadFile(filepath.Join(above, name)); err != nil || string(text) != "CANARY" {
				t.Errorf("round %d: the canary %s: %q, %v", round, name, text, err)
			}
		}
	}
	if inside < 10 {
		t.Errorf("control: only %d files were served", inside)
	}
}
