package poll

import "os"

// A ProcessSpec says what child process to start.
type ProcessSpec struct {
	Path  string     // no search is made
	Args  []string   // the first is the child's name for itself
	Env   []string   // nil: ours
	Dir   string     // "": ours
	Files []*os.File // by the child's number; nil: none. They are made to block
	Group bool       // a process group of its own
	// Terminal makes Files[0] the controlling terminal of a session of the
	// child's own, which is a group too.
	Terminal bool
	// User, if not nil, is whose rights the child has.
	User *User
}

// A User is whose rights a child process has.
type User struct {
	UID, GID uint32
	Groups   []uint32 // supplementary; nil: none
}
