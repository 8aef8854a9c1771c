// Package app makes a program of services: it reads the command line, runs a
// reactor, starts what was asked for, and ends it in order when it is told to.
//
// A command of ready servers is one line; see package plugin for its parts:
//
//	func main() { app.Main(standard.Plugins) }
//
// A service of one's own runs without a command line, until ctx is done:
//
//	err := app.Run(ctx, service.Listen("tcp:8888", factory))
//
// SIGINT and SIGTERM stop the command politely: ports close, connections hear
// Dismissed and have StopTimeout to end. A second signal ends it at once.
//
// Limits: StopTimeout, 10 seconds.
package app
