package static_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web/static"
)

// curl -r and wget -c fetch what they lack.
func TestV24InteropResume(t *testing.T) {
	curl, wget := peertest.Program(t, "curl"), peertest.Program(t, "wget")
	addr := serve(t, &static.Files{Dir: tree(t, map[string]string{"big": big})})
	out, err := exec.Command(curl, "-s", "--noproxy", "*", "-r", "16-31", "http://"+addr+"/big").Output()
	if err != nil || string(out) != big[16:32] {
		t.Errorf("curl -r: %q, %v", out, err)
	}
	dir := t.TempDir()
	part := filepath.Join(dir, "big")
	for name, args := range map[string][]string{
		"wget -c":   {wget, "-q", "--no-proxy", "-c", "-O", part, "http://" + addr + "/big"},
		"curl -C -": {curl, "-s", "--noproxy", "*", "-C", "-", "-o", part, "http://" + addr + "/big"},
	} {
		put(t, part, big[:100_000])
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if got, _ := os.ReadFile(part); string(got) != big {
			t.Errorf("%s: got %d bytes, want %d", name, len(got), len(big))
		}
	}
}
