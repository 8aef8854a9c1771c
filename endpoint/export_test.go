package endpoint

// Forget lets descriptor fd be taken again: the tests' numbers repeat.
func Forget(fd int) { taken.Delete(fd) }

// OpenStdio is stdio: over other files.
var OpenStdio = openStdio
