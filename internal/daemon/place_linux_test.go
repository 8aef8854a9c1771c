package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A whereabouts is what a process says that entered a Place.
type whereabouts struct {
	Err, Dir string
	Umask    int
	Sees     bool // the file "mark"
}

func init() {
	roles["enter"] = func() {
		var p Place
		json.Unmarshal([]byte(os.Getenv("PLACE")), &p)
		c := call("")
		var said whereabouts
		if err := p.Enter(); err != nil {
			said.Err = err.Error()
		}
		said.Dir, _ = os.Getwd()
		_, err := os.Stat("mark")
		said.Sees = err == nil
		said.Umask = syscall.Umask(0)
		json.NewEncoder(c).Encode(said)
	}
}

func enter(t *testing.T, p Place, as *syscall.SysProcAttr) whereabouts {
	t.Helper()
	l := newLine(t)
	place, _ := json.Marshal(p)
	cmd := process(t, "enter", l.env, "PLACE="+string(place))
	cmd.Path = readable(t)
	cmd.SysProcAttr = as
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var said whereabouts
	c := l.hear(t, new(string))
	more(t, c, &said)
	return said
}

// W13, W17: the directory and the umask, and what is wrong with them.
func TestW13W17Enter(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "mark"), nil, 0o600)
	for _, tc := range []struct {
		p    Place
		want whereabouts
	}{
		{Place{}, whereabouts{Dir: "/", Umask: 0o022}},
		{Place{Dir: dir, Umask: "027"}, whereabouts{Dir: dir, Umask: 0o027, Sees: true}},
		{Place{Umask: "0"}, whereabouts{Dir: "/", Umask: 0}},
		{Place{Umask: "0777"}, whereabouts{Dir: "/", Umask: 0o777}},
		{Place{Umask: "1000"}, whereabouts{Err: `daemon: umask "1000": want an octal number from 0 to 777`, Dir: "/", Umask: 0o022}},
		{Place{Umask: "089"}, whereabouts{Err: `daemon: umask "089": want an octal number from 0 to 777`, Dir: "/", Umask: 0o022}},
		{Place{Dir: "/no/such"}, whereabouts{Err: "daemon: chdir /no/such: no such file or directory", Dir: "/", Umask: 0o022}},
	} {
		former := syscall.Umask(0o022)
		got := enter(t, tc.p, nil)
		syscall.Umask(former)
		if got != tc.want {
			t.Errorf("%+v:\ngot  %+v\nwant %+v", tc.p, got, tc.want)
		}
	}
}

// W14: a new root; the run directory is inside it, and "." is its top.
func TestW14Chroot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to change the root")
	}
	root := t.TempDir()
	os.Mkdir(filepath.Join(root, "run"), 0o700)
	os.WriteFile(filepath.Join(root, "mark"), nil, 0o600)
	os.WriteFile(filepath.Join(root, "run", "mark"), nil, 0o600)
	for _, tc := range []struct{ dir, want string }{
		{"", "/"}, {".", "/"}, {"run", "/run"}, {"/run", "/run"}, {"../../run", "/run"},
	} {
		got := enter(t, Place{Chroot: root, Dir: tc.dir}, nil)
		if got.Err != "" || got.Dir != tc.want || !got.Sees {
			t.Errorf("%q: got %+v, want %s inside", tc.dir, got, tc.want)
		}
	}
	got := enter(t, Place{Chroot: root}, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	if want := "daemon: chroot " + root; !strings.HasPrefix(got.Err, want) {
		t.Errorf("not root: got %q, want %q", got.Err, want)
	}
	got = enter(t, Place{Chroot: "/"}, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}})
	if want := "daemon: chroot /: operation not permitted: want to be root to change the root"; got.Err != want {
		t.Errorf("not root: got %q, want %q", got.Err, want)
	}
	if got := enter(t, Place{Chroot: root + "/no"}, nil); got.Err != "daemon: chroot "+root+"/no: no such file or directory" {
		t.Errorf("no such root: got %q", got.Err)
	}
}
