package h2

// A state is where a stream stands, seen from the one who receives.
// https://www.rfc-editor.org/rfc/rfc9113#section-5.1
type state uint8

const (
	idle        state = iota // not opened yet
	open                     // both sides may send
	localEnded               // we have said all: half-closed (local)
	remoteEnded              // the peer has said all: half-closed (remote)
	closed                   // both have, or the peer has reset it
	reset                    // we have reset it: the peer may not know yet
)

// A verdict is what becomes of a frame in a state.
type verdict uint8

const (
	take        verdict = iota
	drop                // legal, and of no use; DATA gives its credit back, HEADERS are decoded
	refuse              // stream error STREAM_CLOSED
	refuseAll           // connection error STREAM_CLOSED
	refuseState         // connection error PROTOCOL_ERROR
)

// verdicts are the rules of section 5.1, a row for each state. PUSH_PROMISE
// and CONTINUATION are not of them: the former never may come, the latter is
// part of HEADERS.
var verdicts = [...]struct{ headers, data, resetStream, windowUpdate verdict }{
	// "Receiving any frame other than HEADERS or PRIORITY on a stream in this
	// state MUST be treated as a connection error of type PROTOCOL_ERROR."
	idle: {take, refuseState, refuseState, refuseState},
	open: {take, take, take, take},
	// "An endpoint can receive any type of frame in this state."
	localEnded: {take, take, take, take},
	// "If an endpoint receives additional frames, other than WINDOW_UPDATE,
	// PRIORITY, or RST_STREAM, for a stream that is in this state, it MUST
	// respond with a stream error of type STREAM_CLOSED."
	remoteEnded: {refuse, refuse, take, take},
	// "WINDOW_UPDATE or RST_STREAM frames can be received in this state for a
	// short period"; "An endpoint that receives any other frames after
	// receiving a frame with END_STREAM MUST treat that as a connection error
	// of type STREAM_CLOSED." DATA is forgiven the connection: its stream may
	// be one of ours that was reset so long ago that we have forgotten it.
	closed: {refuseAll, refuse, drop, drop},
	// "An endpoint MUST ignore frames that it receives on closed streams after
	// it has sent a RST_STREAM frame."
	reset: {drop, drop, drop, drop},
}

// verdictOf is the verdict of one kind of frame.
func verdictOf(s state, kind frameType) verdict {
	row := &verdicts[s]
	switch kind {
	case frameHeaders:
		return row.headers
	case frameData:
		return row.data
	case frameResetStream:
		return row.resetStream
	default:
		return row.windowUpdate
	}
}

// remoteEnds is the state after the peer has said all.
func (s state) remoteEnds() state {
	if s == localEnded {
		return closed
	}
	return remoteEnded
}

// localEnds is the state after we have said all.
func (s state) localEnds() state {
	if s == remoteEnded {
		return closed
	}
	return localEnded
}
