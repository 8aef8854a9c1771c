// Package persist is a program's memory: state that outlives the process, and
// kill -9, and the power. Whoever writes a service that remembers needs it.
package persist
