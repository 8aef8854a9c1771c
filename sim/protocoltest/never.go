package protocoltest

import (
	"embed"
	"strings"

	"github.com/twistor-go/twistor/sim"
)

// never holds what brought servers down, ours or others', in whatever protocol:
// a file for each, named after what it is. A bug that is fixed adds its bytes.
//
//go:embed testdata/never
var never embed.FS

// Never proves X-08: of all that ever brought a server down, however it is cut,
// nothing has this one panic, keep over 256 KiB when the connection is over, or
// send without end.
func Never(t sim.T, e Entry) {
	t.Helper()
	const dir = "testdata/never"
	files, err := never.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v: want what is never to happen again", dir, len(files), err)
	}
	for _, f := range files {
		p, err := never.ReadFile(dir + "/" + f.Name())
		if err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		input := string(p)
		for _, bite := range []int{len(input), 1 << 10, 7, 1} {
			if bite < 1<<10 && len(input) > 8<<10 {
				continue // the long ones are floods, of things that come again and again
			}
			c, tr := e.connect(t)
			before, said := heap(), 0
			for at := 0; at < len(input) && !over(tr); at += bite {
				tr.Receive(input[at:min(at+bite, len(input))])
				c.Advance(0)
				said += len(tr.Written())
				tr.Clear()
			}
			if kept := heap() - before; kept > mayKeep {
				t.Errorf("%s: %s, %d bytes at a time: %d KiB kept, want at most %d KiB", e.Name, f.Name(), bite, kept>>10, mayKeep>>10)
			}
			if said > answers*len(input)+mayKeep {
				t.Errorf("%s: %s, %d bytes at a time: %d bytes were said to %d", e.Name, f.Name(), bite, said, len(input))
			}
			if log := c.Logged(); strings.Contains(log, "panic") {
				t.Errorf("%s: %s, %d bytes at a time: it panics:\n%s", e.Name, f.Name(), bite, log)
			}
			leave(c, tr)
		}
	}
}

// answers is how many bytes a server may say to each that it hears.
const answers = 100
