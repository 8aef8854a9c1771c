module github.com/twistor-go/twistor

go 1.26.0

require (
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
