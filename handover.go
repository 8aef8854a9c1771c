package twistor

import (
	"fmt"
	"net"
	"os"
)

// A Survivor is a Protocol whose connection can outlive the process: when the
// program is upgraded, the new process goes on with it, and the peer notices
// nothing. A new Protocol is built for it there, and hears Restored where
// another hears Connected.
type Survivor interface {
	Protocol
	// HandedOver is asked in the old process. state is all that Restored needs;
	// what was written and is not sent yet goes along by itself. With ok false
	// the connection stays, and is Dismissed. If ok, Disconnected(ErrHandedOver)
	// follows.
	HandedOver() (state []byte, ok bool)
	// Restored begins the conversation in the new process: once, first. state
	// may be of an older version of the program.
	Restored(state []byte)
}

// A Detacher is a Transport whose connection can leave this process. Assert it
// of the Transport at hand, never by As: a layer that transforms bytes would be
// passed by. TLS has none.
type Detacher interface {
	// Detach takes the connection out of its loop and leaves it open. Its
	// Protocol hears Disconnected(ErrHandedOver). An error says why it cannot
	// go, and nothing has changed: it is closing, or sends a file.
	Detach() (Detached, error)
}

// A Detached is a connection between two processes. Whoever gets it owns File.
type Detached struct {
	File   *os.File // the socket
	Unsent []byte   // what was written and is to be sent before all else
	Unread []byte   // what came and nobody has Received
}

// A Filer is a Port that another process can go on with. Those of reactor are,
// where the system has descriptors.
type Filer interface {
	// File is a duplicate of the port's socket. The caller owns it.
	File() (*os.File, error)
	// KeepPath makes the file of a UNIX socket stay when the port closes, since
	// another process serves it.
	KeepPath()
}

// ErrHandedOver is what a Protocol hears whose connection goes on in another
// process.
var ErrHandedOver = fmt.Errorf("twistor: handed over: %w", net.ErrClosed)
