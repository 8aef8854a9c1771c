package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A confession is what a process says that dropped privileges, or did not.
type confession struct {
	Err       string
	Threads   int
	Fields    map[string][]string // what the kernel shows: each value that some thread has
	Attempts  map[string]string   // what it tried and how that went: "" is that it could
	Dumpable  int
	CoreBytes uint64
	Folders   []string // that it has open
}

// attempts are what only root may do, none of which does harm.
var attempts = map[string]func() error{
	"read /etc/shadow": func() error { _, err := os.ReadFile("/etc/shadow"); return err },
	"write a file of root's": func() error {
		return os.WriteFile(filepath.Join(os.Getenv("ROOTS"), "written"), nil, 0o600)
	},
	"setuid 0":          func() error { return syscall.Setuid(0) },
	"seteuid 0":         func() error { return syscall.Seteuid(0) },
	"setgid 0":          func() error { return syscall.Setgid(0) },
	"setgroups 0":       func() error { return syscall.Setgroups([]int{0}) },
	"chroot":            func() error { return syscall.Chroot("/") },
	"name the host":     func() error { h, _ := os.Hostname(); return syscall.Sethostname([]byte(h)) },
	"signal root":       func() error { return syscall.Kill(victim(), 0) },
	"trace root":        func() error { return trace(victim()) },
	"listen on port 77": listenLow,
	"exec setuid root": func() error {
		program := exec.Command(filepath.Join(os.Getenv("ROOTS"), "setuid"))
		program.Env = []string{roleVariable + "=setuid", "GORACE=atexit_sleep_ms=0"}
		return program.Run()
	},
}

// trace attaches without a stop; the end of the thread detaches.
func trace(pid int) error {
	runtime.LockOSThread()
	_, _, e := syscall.Syscall6(syscall.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

func victim() (pid int) {
	fmt.Sscan(os.Getenv("VICTIM"), &pid)
	return pid
}

func listenLow() error {
	l, err := net.Listen("tcp", "127.0.0.1:77")
	if err == nil {
		l.Close()
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil // but we might
	}
	return err
}

func init() {
	roles["victim"] = func() { tell("") }
	roles["setuid"] = func() {
		if os.Geteuid() == 0 {
			os.Exit(0)
		}
		os.Exit(1)
	}
	roles["drop"] = func() {
		var p Privileges
		json.Unmarshal([]byte(os.Getenv("PRIVILEGES")), &p)
		said := confession{Attempts: map[string]string{}}
		c := call(os.Getpid()) // while we may
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		stop := crowd()
		credentials, err := p.Resolve()
		if err == nil && os.Getenv("CONTROL") == "" {
			if err = (Place{Chroot: os.Getenv("CHROOT")}).Enter(); err == nil {
				err = credentials.Drop()
			}
		}
		if os.Getenv("CONTROL") == "setuid" {
			err = syscall.Setuid(65534)
		}
		if err != nil {
			said.Err = err.Error()
		}
		crowd() // threads that are made afterwards
		said.Fields, said.Threads = threads()
		for name, try := range attempts {
			said.Attempts[name] = ""
			if err := try(); err != nil {
				said.Attempts[name] = err.Error()
			}
		}
		said.Dumpable, _ = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		var core unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_CORE, &core)
		said.CoreBytes = core.Cur
		for fd := range 100 {
			var st unix.Stat_t
			if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
				said.Folders = append(said.Folders, fmt.Sprint(fd))
			}
		}
		close(stop)
		json.NewEncoder(c).Encode(said)
		c.Read(make([]byte, 1))
	}
}

// crowd has threads alive of every kind: in a system call, waiting, at work.
func crowd() (stop chan bool) {
	stop = make(chan bool)
	var pipe [2]int
	syscall.Pipe(pipe[:])
	started := make(chan bool)
	for i := range 24 {
		go func() {
			runtime.LockOSThread()
			started <- true
			switch i % 3 {
			case 0:
				syscall.Read(pipe[0], make([]byte, 1))
			case 1:
				<-stop
			case 2:
				for n := 0; n < 1<<24; n++ { // for some milliseconds
				}
				<-stop
			}
		}()
		<-started
	}
	return stop
}

// threads reads what the kernel says of each, without the code under test.
func threads() (fields map[string][]string, seen int) {
	fields = map[string][]string{}
	files, _ := filepath.Glob("/proc/self/task/*/status")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		seen++
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			value = strings.Join(strings.Fields(value), " ")
			known := false
			for _, v := range fields[name] {
				known = known || v == value
			}
			if !known {
				fields[name] = append(fields[name], value)
			}
		}
	}
	return fields, seen
}

// confess runs a process that drops these privileges, and hears it.
func confess(t *testing.T, p Privileges, with ...string) confession {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("want to be root to drop it")
	}
	roots := t.TempDir()
	for dir := roots; dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755) // the setuid program is for all to run
	}
	image, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(roots, "setuid")
	if err := os.WriteFile(program, image, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Chmod(program, 0o755|os.ModeSetuid)

	l := newLine(t)
	victim := process(t, "victim", l.env)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait()
	var ignored any
	defer l.hear(t, &ignored).Close()

	options, _ := json.Marshal(p)
	cmd := process(t, "drop", append(with, l.env, "ROOTS="+roots, "PRIVILEGES="+string(options),
		fmt.Sprint("VICTIM=", victim.Process.Pid))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	c := l.hear(t, &ignored)
	defer c.Close()
	var said confession
	more(t, c, &said)
	return said
}

// cgo is true of a program that is linked with it.
var cgo = linkedWithCgo()

// The positive control of all that follows: what is tried can be done by root.
func TestPrivilegesControl(t *testing.T) {
	said := confess(t, Privileges{}, "CONTROL=1")
	for name, err := range said.Attempts {
		if err != "" {
			t.Errorf("%s: root has %s", name, err)
		}
	}
}

// W15, XC8, section 4.3: after the drop nothing of root is left, on no thread, and
// none of it comes back.
func TestW15Drop(t *testing.T) {
	for _, tc := range []struct {
		name   string
		p      Privileges
		groups string
	}{
		{"to nobody", Privileges{User: "nobody"}, ""},
		{"to numbers, with groups, sealed", Privileges{User: "65534", Group: "65534", Groups: []string{"4343", "4242"}, Sealed: true}, "4242 4343"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said := confess(t, tc.p)
			if said.Err != "" {
				t.Fatal(said.Err)
			}
			want := map[string][]string{
				"Uid": {"65534 65534 65534 65534"}, "Gid": {"65534 65534 65534 65534"}, "Groups": {tc.groups},
				"NoNewPrivs": {"1"}, "CapPrm": {"0000000000000000"}, "CapEff": {"0000000000000000"}, "CapAmb": {"0000000000000000"},
			}
			if !cgo {
				want["CapBnd"] = []string{"0000000000000000"}
			}
			for name, values := range want {
				if !reflect.DeepEqual(said.Fields[name], values) {
					t.Errorf("%s: got %v on %d threads, want %v", name, said.Fields[name], said.Threads, values)
				}
			}
			if said.Threads < 48 {
				t.Errorf("only %d threads looked at", said.Threads)
			}
			permitted := map[string]string{
				"read /etc/shadow":       "open /etc/shadow: permission denied",
				"write a file of root's": "permission denied",
				"setuid 0":               "operation not permitted",
				"seteuid 0":              "operation not permitted",
				"setgid 0":               "operation not permitted",
				"setgroups 0":            "operation not permitted",
				"chroot":                 "operation not permitted",
				"name the host":          "operation not permitted",
				"signal root":            "operation not permitted",
				"trace root":             "operation not permitted",
				"listen on port 77":      "permission denied",
				"exec setuid root":       "exit status 1",
			}
			for name := range attempts {
				if got, want := said.Attempts[name], permitted[name]; want == "" || !strings.Contains(got, want) {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
			if tc.p.Sealed && (said.Dumpable != 0 || said.CoreBytes != 0) {
				t.Errorf("sealed: got dumpable %d, core files of %d bytes, want neither", said.Dumpable, said.CoreBytes)
			}
		})
	}
}

// The power of "exec setuid root": a change of the user alone leaves that way back.
func TestNoNewPrivilegesControl(t *testing.T) {
	said := confess(t, Privileges{}, "CONTROL=setuid")
	if said.Attempts["setuid 0"] == "" || said.Attempts["exec setuid root"] != "" {
		t.Errorf("setuid %q, exec %q: want the first refused, the second not", said.Attempts["setuid 0"], said.Attempts["exec setuid root"])
	}
}

// CAP_NET_BIND_SERVICE alone can be kept, or it is said that it cannot.
func TestBindLow(t *testing.T) {
	said := confess(t, Privileges{User: "nobody", BindLow: true})
	if cgo {
		if !strings.Contains(said.Err, "want a program built with CGO_ENABLED=0") {
			t.Errorf("got %q, want it refused with cgo", said.Err)
		}
		return
	}
	if said.Err != "" {
		t.Fatal(said.Err)
	}
	for _, name := range []string{"CapPrm", "CapEff", "CapBnd"} {
		if got, want := said.Fields[name], []string{"0000000000000400"}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if got := said.Fields["CapAmb"]; !reflect.DeepEqual(got, []string{"0000000000000000"}) {
		t.Errorf("CapAmb: got %v: children would have it", got)
	}
	for name, err := range said.Attempts {
		if could := err == ""; could != (name == "listen on port 77") {
			t.Errorf("%s: got %q", name, err)
		}
	}
}

func TestSealedAlone(t *testing.T) {
	said := confess(t, Privileges{}, "CONTROL=1")
	if said.Dumpable != 1 {
		t.Errorf("control: dumpable is %d, want 1", said.Dumpable)
	}
	said = confess(t, Privileges{Sealed: true})
	if said.Err != "" || said.Dumpable != 0 || said.CoreBytes != 0 || said.Attempts["setuid 0"] != "" {
		t.Errorf("got %q, dumpable %d, core files of %d bytes, setuid %q: want it sealed and still root",
			said.Err, said.Dumpable, said.CoreBytes, said.Attempts["setuid 0"])
	}
}

// W14: the drop is looked at though /proc is out of sight, and leaves no way out.
func TestW14DropInChroot(t *testing.T) {
	said := confess(t, Privileges{User: "nobody"}, "CHROOT="+t.TempDir())
	if said.Err != "" || said.Threads != 0 || len(said.Folders) != 0 {
		t.Errorf("got %q, %d threads in sight, directories open %v: want nothing", said.Err, said.Threads, said.Folders)
	}
	if said.Attempts["setuid 0"] == "" {
		t.Error("root came back")
	}
}

func init() {
	// One thread keeps its capabilities across the change of its user.
	roles["drop but for a thread"] = func() {
		kept := make(chan bool)
		go func() {
			runtime.LockOSThread()
			unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0)
			kept <- true
			<-kept
		}()
		<-kept
		credentials, err := Privileges{User: "nobody"}.Resolve()
		if err == nil {
			err = credentials.Drop()
		}
		fmt.Print(err)
	}
}

// Section 4.3: one thread that still has something is found, and the drop fails.
func TestDropFindsAThread(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to drop it")
	}
	out, err := process(t, "drop but for a thread").Output()
	if !strings.Contains(string(out), "daemon: become nobody (65534:65534): thread ") || !strings.Contains(string(out), "capabilities are 0x1") || err != nil {
		t.Errorf("got %q, %v, want the thread and its capabilities", out, err)
	}
}

func init() {
	roles["regain"] = func() {
		var said []string
		say := func(err error) {
			_, shadow := os.ReadFile("/etc/shadow")
			fields, _ := threads()
			said = append(said, fmt.Sprint(err, " ", shadow == nil, " ", fields["Uid"], fields["Groups"]))
		}
		c := call("")
		defer crowd()
		syscall.Setgroups([]int{7, 8})
		credentials, err := Privileges{User: "nobody", Effective: true}.Resolve()
		if err != nil {
			say(err)
		}
		for range 2 {
			say(credentials.Drop())
			say(credentials.Regain())
		}
		json.NewEncoder(c).Encode(said)
	}
}

// W16: effective ids go and come back, on every thread.
func TestW16Effective(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to drop it")
	}
	l := newLine(t)
	cmd := process(t, "regain", l.env)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var said []string
	c := l.hear(t, new(string))
	more(t, c, &said)
	dropped, regained := "<nil> false [0 65534 0 65534] []", "<nil> true [0 0 0 0] [7 8]"
	if want := []string{dropped, regained, dropped, regained}; !reflect.DeepEqual(said, want) {
		t.Errorf("got  %q\nwant %q", said, want)
	}
}

func init() {
	roles["drop without root"] = func() {
		credentials, err := Privileges{User: os.Getenv("USER_WANTED"), Group: "65534"}.Resolve()
		if err == nil {
			err = credentials.Drop()
		}
		fmt.Print(err)
	}
}

// Who is not root is told so, by name; who is that user already need not be.
func TestW15WithoutRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to be somebody else")
	}
	program := readable(t)
	for _, tc := range []struct{ user, want string }{
		{"daemon", "daemon: want to be root to become daemon (1:65534)"},
		{"nobody", "<nil>"},
	} {
		cmd := process(t, "drop without root", "USER_WANTED="+tc.user)
		cmd.Path, cmd.Args[0] = program, program
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.Output()
		if string(out) != tc.want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", tc.user, out, err, tc.want)
		}
	}
}

// readable is a copy of this program that everybody may run.
func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	image, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "program")
	if err := os.WriteFile(name, image, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o755)
	os.Chmod(name, 0o755)
	return name
}

func FuzzStatus(f *testing.F) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		f.Skip(err)
	}
	f.Add(status)
	f.Add([]byte("Uid:\t1 2 3\n"))
	f.Add([]byte("Groups:\t4294967296\n"))
	f.Fuzz(func(t *testing.T, status []byte) {
		if k, err := parseStatus(status); (k == nil) == (err == nil) {
			t.Errorf("got %v, %v", k, err)
		}
	})
}

// A thread that is not as it should be is found: each field by itself.
func TestVerifyFindsEach(t *testing.T) {
	c := &Credentials{Name: "nobody", UID: 5, GID: 6, Groups: []int{7}}
	r := rights{mask: 1 << 10, bounding: true, dropped: true}
	const good = "Uid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\nGroups:\t7 \nCapInh:\t0\nCapPrm:\t400\nCapEff:\t400\nCapBnd:\t400\nCapAmb:\t0\nNoNewPrivs:\t1\n"
	if k, err := parseStatus([]byte(good)); err != nil || k.differs(c, true, r) != nil {
		t.Fatal("control:", err, k.differs(c, true, r))
	}
	for _, bad := range []struct{ from, to string }{
		{"5\t5\t5\t5", "0\t5\t5\t5"}, {"5\t5\t5\t5", "5\t0\t5\t5"}, {"5\t5\t5\t5", "5\t5\t0\t5"}, {"5\t5\t5\t5", "5\t5\t5\t0"},
		{"6\t6\t6\t6", "6\t6\t0\t6"}, {"Groups:\t7", "Groups:\t0 7"}, {"Groups:\t7", "Groups:\t"},
		{"Privs:\t1", "Privs:\t0"}, {"Prm:\t400", "Prm:\t401"}, {"Eff:\t400", "Eff:\tffffffff"}, {"Bnd:\t400", "Bnd:\t1ffffffffff"}, {"Amb:\t0", "Amb:\t400"},
	} {
		k, err := parseStatus([]byte(strings.Replace(good, bad.from, bad.to, 1)))
		if err != nil || k.differs(c, true, r) == nil {
			t.Errorf("%q is not found, %v", bad.to, err)
		}
	}
	if _, err := parseStatus([]byte(strings.Replace(good, "CapEff", "CapOff", 1))); err == nil {
		t.Error("a missing line is not found")
	}
}

// Linked with cgo, and without, privileges are dropped in different ways: where
// this program is linked with it, another that is not runs these tests too.
func TestWithoutCgo(t *testing.T) {
	if !cgo || testing.Short() {
		t.Skip("this program is linked without cgo, or there is no time to link another")
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-short", "-count=1", "-timeout=2m", "-run=W1|Privileges|BindLow|Sealed|Drop|Confine", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
