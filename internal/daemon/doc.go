// Package daemon is what makes a process a daemon: it starts a program in the
// background, keeps it from running twice, and takes away what it need not have
// once its ports are open. Only service/app uses it, before and beside the loop.
//
// The order of a start, as twistd has it:
//
//	status, background := daemon.Child()          // in what Daemonize started
//	...                                           // read options and state, open logs
//	who, err := daemon.Privileges{User: "www-data", Sealed: true}.Resolve()
//	err = daemon.Place{Dir: "/var/lib/web", Umask: "027"}.Enter()
//	file, err := daemon.CreatePIDFile("/run/web.pid", 0)
//	err = file.Write(os.Getpid())
//	...                                           // open ports, read keys
//	err = who.Drop()
//	_, err = daemon.Confinement{Write: []string{"/var/lib/web"}}.Enforce()
//	...                                           // start the rest
//	err = status.Ready()                          // the parent exits with status 0
//
// A pid file is held by its lock (flock): the number in it is advice, and one
// that another process has by now is in nobody's way. The lock goes with File to
// a process that takes our place.
//
// Daemonize executes the program twice. The first child leads a session without
// a terminal, the second can never get one; the first waits for the second, so
// that its exit status, its signal and its error text are known to the parent.
//
// Drop changes every thread and then looks at every thread. no_new_privs holds
// from then on. Supplementary groups are those that are named.
//
// # Systems
//
// macOS and the BSDs know ids and core files, and no capabilities, no_new_privs
// or Landlock. Elsewhere (Windows) everything is errors.ErrUnsupported, but for
// a Place with a Dir only.
//
// On Linux a program that is linked with cgo (as go build does where there is a
// C compiler and nobody says CGO_ENABLED=0) has threads that Go does not know.
// There no_new_privs is set by an empty seccomp filter, the capabilities'
// bounding set stays, BindLow is refused, and Enforce is errors.ErrUnsupported.
//
// # Limits
//
// A start: 90 s, then 5 s to end. An error text: 64 KiB. A pid file: 64 bytes.
// Supplementary groups: 16.
package daemon
