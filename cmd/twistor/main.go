// The command twistor runs ready servers:
//
//	twistor weblog        stream the hits of a web server's log
//	twistor help          say what else there is
//
// It exits with 0 when it was stopped by SIGINT or SIGTERM, and else by
// sysexits.h: 64 if the command line is wrong, 66 if an input cannot be read,
// 69 if a port is not to be had, 73 if a file cannot be made.
package main

import (
	"github.com/twistor-go/twistor/plugin/standard"
	"github.com/twistor-go/twistor/service/app"
)

func main() { app.Main(standard.Plugins) }
