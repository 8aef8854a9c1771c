// Package procmon is the command `twistor procmon`: it keeps one program
// running, as a service process.Monitor does, and logs what it writes.
//
//	twistor procmon --killtime 10 /usr/bin/worker --verbose
//
// A program of one's own has the same by its Config:
//
//	c := procmon.New()
//	c.Command = []string{"/usr/bin/worker", "--verbose"}
//	s, err := c.Service()
//
// Limits: those of package service/process.
package procmon
