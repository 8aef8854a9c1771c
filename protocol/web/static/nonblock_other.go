//go:build !unix

package static

// nonblock is nothing where names stand for files only.
const nonblock = 0
