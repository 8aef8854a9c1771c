package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A report is what a confined process says.
type report struct {
	Err         string
	Unsupported bool
	Enforced    Enforced
	Attempts    map[string][]string // how each went, on every thread: "" is that it could
}

// reaches are what a Confinement may forbid.
func reaches() map[string]func() error {
	in := func(folder, name string) string { return filepath.Join(os.Getenv(folder), name) }
	read := func(name string) func() error {
		return func() error { _, err := os.ReadFile(name); return err }
	}
	write := func(name string) func() error {
		return func() error { return os.WriteFile(name, []byte("x"), 0o600) }
	}
	run := func(name string) func() error {
		return func() error {
			program := exec.Command(name)
			program.Env = []string{roleVariable + "=return"}
			return program.Run()
		}
	}
	return map[string]func() error{
		"read in Read":      read(in("READ", "file")),
		"list Read":         func() error { _, err := os.ReadDir(os.Getenv("READ")); return err },
		"write in Read":     write(in("READ", "file")),
		"make in Read":      write(in("READ", "made")),
		"truncate in Read":  func() error { return os.Truncate(in("READ", "file"), 1) },
		"read in Write":     read(in("WRITE", "file")),
		"write in Write":    write(in("WRITE", "file")),
		"rename in Write":   func() error { return os.Rename(in("WRITE", "file"), in("WRITE", "file")) },
		"make in Write":     write(in("WRITE", fmt.Sprint("made", syscall.Gettid()))),
		"run in Read":       run(in("READ", "program")),
		"run in Write":      run(in("WRITE", "program")),
		"run elsewhere":     run("/bin/true"),
		"read elsewhere":    read("/etc/passwd"),
		"write elsewhere":   write(in("ELSEWHERE", "made")),
		"dial a port":       func() error { return dial(os.Getenv("PORT")) },
		"dial another port": func() error { return dial(os.Getenv("OTHER")) },
		"listen":            func() error { return listen("127.0.0.1:0") },
	}
}

func dial(port string) error {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err == nil {
		c.Close()
	}
	return err
}

func listen(address string) error {
	var c net.ListenConfig
	c.SetMultipathTCP(false) // Landlock speaks of TCP only
	l, err := c.Listen(context.Background(), "tcp", address)
	if err == nil {
		l.Close()
	}
	return err
}

func init() {
	roles["confine"] = func() {
		var confinement Confinement
		json.Unmarshal([]byte(os.Getenv("CONFINEMENT")), &confinement)
		c := call("")
		said := report{Attempts: map[string][]string{}}
		// Threads that are there before, and try afterwards.
		type result struct{ name, err string }
		results, begin, ready := make(chan result, 1000), make(chan bool), make(chan bool)
		all := reaches()
		const old = 4
		for range old {
			go func() {
				runtime.LockOSThread()
				ready <- true
				<-begin
				for name, try := range all {
					err := ""
					if e := try(); e != nil {
						err = e.Error()
					}
					results <- result{name, err}
				}
			}()
			<-ready
		}
		if os.Getenv("CONTROL") == "" {
			var err error
			if said.Enforced, err = confinement.Enforce(); err != nil {
				said.Err, said.Unsupported = err.Error(), errors.Is(err, errors.ErrUnsupported)
			}
		}
		close(begin)
		for range old * len(all) {
			r := <-results
			said.Attempts[r.name] = append(said.Attempts[r.name], r.err)
		}
		json.NewEncoder(c).Encode(said)
	}
}

// confined runs a process that confines itself, and hears it.
func confined(t *testing.T, change func(*Confinement), env ...string) report {
	t.Helper()
	port := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return port
	}
	folder := func(name string) string {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600)
		env = append(env, name+"="+dir)
		return dir
	}
	c := Confinement{Read: []string{folder("READ")}, Write: []string{folder("WRITE"), os.DevNull}, Listen: []uint16{}}
	folder("ELSEWHERE")
	image, err := os.ReadFile(os.Args[0]) // linked without cgo it needs no libraries
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{c.Read[0], c.Write[0]} {
		os.WriteFile(filepath.Join(dir, "program"), image, 0o755)
	}
	var number uint16
	allowed := port()
	fmt.Sscan(allowed, &number)
	c.Dial = []uint16{number}
	change(&c)
	text, _ := json.Marshal(c)

	l := newLine(t)
	cmd := process(t, "confine", append(env, l.env, "CONFINEMENT="+string(text), "PORT="+allowed, "OTHER="+port())...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	conn := l.hear(t, new(string))
	var said report
	more(t, conn, &said)
	return said
}

// Section 4.3, step 6: what is not named cannot be reached, by no thread.
func TestConfine(t *testing.T) {
	control := confined(t, func(*Confinement) {}, "CONTROL=1")
	for name, errs := range control.Attempts {
		for _, err := range errs {
			if err != "" {
				t.Errorf("control: %s: %s", name, err)
			}
		}
	}
	said := confined(t, func(*Confinement) {})
	if said.Unsupported {
		if !cgo && said.Enforced.ABI == 0 {
			t.Skip(said.Err)
		}
		if !strings.Contains(said.Err, "linked with cgo") {
			t.Errorf("got %q, want cgo to be named", said.Err)
		}
		return
	}
	if said.Err != "" {
		t.Fatal(said.Err)
	}
	may := map[string]bool{
		"read in Read": true, "list Read": true, "read in Write": true, "write in Write": true,
		"rename in Write": true, "make in Write": true, "dial a port": true,
	}
	for name, errs := range said.Attempts {
		for _, err := range errs {
			switch ported := name == "listen" || name == "dial another port"; {
			case ported && !said.Enforced.Ports:
			case name == "truncate in Read" && said.Enforced.ABI < 3:
			case may[name] && err != "", !may[name] && !strings.Contains(err, "permission denied"):
				t.Errorf("%s: got %q with ABI %d", name, err, said.Enforced.ABI)
			}
		}
	}
}

// Ports that nobody spoke of are free, and a path that is not there is named.
func TestConfineLeaves(t *testing.T) {
	if cgo {
		t.Skip("this program is linked with cgo")
	}
	said := confined(t, func(c *Confinement) {
		c.Listen, c.Dial = nil, nil
		c.Execute = []string{"/bin", "/usr", "/lib", "/etc/passwd"}
	})
	for _, name := range []string{"listen", "dial another port", "read elsewhere"} {
		if errs := said.Attempts[name]; len(errs) == 0 || errs[0] != "" {
			t.Errorf("%s: got %q", name, errs)
		}
	}
	said = confined(t, func(c *Confinement) { c.Read = []string{"/no/such"} })
	if said.Err != "daemon: confine: open /no/such: no such file or directory" {
		t.Errorf("got %q, want the path", said.Err)
	}
}

func TestHandled(t *testing.T) {
	for abi, want := range map[int]uint64{1: 0x1fff, 2: 0x3fff, 3: 0x7fff, 4: 0x7fff, 5: 0xffff, 7: 0xffff, 99: 0xffff} {
		if got := handled(abi); got != want {
			t.Errorf("ABI %d: got %#x, want %#x", abi, got, want)
		}
	}
}
