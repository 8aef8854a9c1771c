//go:build linux

package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A second start finds out who was first.
func ExampleCreatePIDFile() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "web.pid")

	file, err := CreatePIDFile(name, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Remove()
	file.Write(1234)

	pid, running, err := ReadPIDFile(name)
	fmt.Println(pid, running, err)
	_, err = CreatePIDFile(name, 0)
	_, second := err.(*RunningError)
	fmt.Println(second)
	// Output:
	// 1234 true <nil>
	// true
}

func init() {
	roles["example"] = func() { status.Fail(69, "web: port 80 is taken") }
}

// What the daemon cannot do, the command that started it says.
func ExampleDaemonize() {
	code, message, err := Daemonize(context.Background(), Start{
		Args: []string{"web", "--port=80"},
		Env:  as("example"), // the daemon calls Child and then, here, Fail
	})
	fmt.Println(code, message, err)
	// Output: 69 web: port 80 is taken <nil>
}

// Names are looked up before the root changes, which hides them.
func ExamplePrivileges() {
	who, err := Privileges{User: "12345", Group: "12346"}.Resolve()
	fmt.Println(who, err)
	_, err = Privileges{User: "nobdoy"}.Resolve()
	fmt.Println(err)
	// Output:
	// user 12345 (12345:12346) <nil>
	// daemon: no user "nobdoy": want a name or a number
}

func ExamplePlace() {
	fmt.Println(Place{Umask: "O27"}.Enter())
	// Output: daemon: umask "O27": want an octal number from 0 to 777
}

func ExampleConfinement() {
	_, err := Confinement{Read: []string{"/etc/resolv.conf"}, Write: []string{"/no/such"}}.Enforce()
	fmt.Println(err != nil) // one of them is not there; nothing was confined
	// Output: true
}
