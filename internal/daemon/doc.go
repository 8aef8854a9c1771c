// Package daemon is what makes a process a daemon: it starts a program in the
// background, keeps it from running twice, and takes away what it need not have
// once its ports are open. Only service/app uses it, before and beside the loop.
package daemon
