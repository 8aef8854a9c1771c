// Package process runs other programs: once, for what they write, and for as
// long as ours does, again whenever they end.
//
// Output runs a program to its end and returns what it wrote; a Run has the
// details, such as input and what it wrote to its errors. Both run on the loop
// and wait without blocking it:
//
//	sum, err := process.Output(co, l, twistor.Command{Path: "sha256sum", Args: []string{"file"}})
//
// A Monitor is a service that keeps programs running. One that ends is started
// again: at once if it lived long enough, else after a delay that doubles each
// time. What they write is logged, line by line, with their names. When the
// Monitor stops it asks them to end, by SIGTERM, and kills those that have not
// after KillTime.
//
//	m := &process.Monitor{}
//	m.Add("worker", twistor.Command{Path: "/usr/bin/worker", Args: []string{"-v"}})
//	app.Add("workers", m)
//
// Programs run in process groups of their own, which are signalled and killed as
// a whole: what a shell started does not survive it. If our own program is killed
// they live on, since nobody is left to end them. In the simulator they are
// the Programs of a host, and restart at exact times.
//
// Limits: a Run keeps 1 MiB of output and 1 MiB of errors, and kills who writes
// more; a Monitor logs lines of up to 8 KiB, in parts if they are longer. A pipe
// that somebody outside of the group holds is closed 5 s, or KillTime, after the
// program's end.
package process
