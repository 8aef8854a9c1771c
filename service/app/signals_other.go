//go:build !unix

package app

import "os"

var signals = []os.Signal{os.Interrupt}

// on does what a signal means; on the loop.
func (v *life) on(os.Signal) { v.stop("interrupted") }

// listen has the loop hear of signals, until the function that it returns is
// called.
func (x *process) listen(v *life) (stop func()) { return x.pass(v) }

// alive reports whether a process is there; here nobody can tell.
func alive(int) bool { return false }
