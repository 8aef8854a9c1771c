// The command twistor runs ready servers:
//
//	twistor weblog        stream the hits of a web server's log
//	twistor web           serve files, scripts and other servers
//	twistor dns           serve zones, and look names up for others
//	twistor fibonacci     answer each line with the next number, never one twice
//	twistor procmon       keep a program running
//	twistor help          say what else there is
//
// docs/running.md says how they are run as daemons, and what statuses they exit
// with.
package main

import (
	"github.com/twistor-go/twistor/plugin/standard"
	"github.com/twistor-go/twistor/service/app"
)

func main() { app.Main(standard.Plugins) }
